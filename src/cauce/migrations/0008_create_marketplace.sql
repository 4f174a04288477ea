-- Placeholder of the series.
SELECT 1;
