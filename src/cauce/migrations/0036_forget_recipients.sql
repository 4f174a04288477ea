-- Whoever is erased is erased from what was written to him too: his name, and the values that filled the words.
GRANT UPDATE (to_name, data) ON outreach.message TO cauce_app;
