DELETE FROM item;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
INSERT INTO item SELECT i, printf('name %d %s', i % 20, hex(i * 7919)), hex(zeroblob(20 + i % 300)) FROM n;
SELECT count(*), sum(length(body)), length(group_concat(name)) FROM item WHERE id % 3 = 0 GROUP BY substr(name, 1, 6) LIMIT 1;
SELECT a.name, upper(b.body) FROM item a JOIN item b ON a.name = b.name ORDER BY b.body, a.id LIMIT 1;
UPDATE item SET body = body || name WHERE id % 2;
.print done
