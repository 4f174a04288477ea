-- What a party must give back and does not have is asked for again, under the same key, once he may have it.
ALTER TABLE channels.instruction
  DROP CONSTRAINT instruction_access,
  ADD CONSTRAINT instruction_access CHECK (access IN ('', 'key', 'signature', 'answer', 'config', 'funds'));
