-- Who finds work sees which organizations have figures to fold.
GRANT USAGE ON SCHEMA reports TO cauce_scheduler;
