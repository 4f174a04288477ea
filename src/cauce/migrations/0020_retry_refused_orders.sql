-- An import that is run again forgets what it refused before and tries it anew.
GRANT DELETE ON orders.refused TO cauce_app;
