DROP TABLE review_decisions;
DROP TABLE review_tasks;
