-- Since when a provider refuses our credentials; what was asked of it meanwhile waits until it takes them again.
ALTER TABLE channels.channel ADD COLUMN key_refused_at timestamptz;
