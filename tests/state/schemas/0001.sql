BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE cursors (
	feed VARCHAR NOT NULL, 
	read_to DATETIME NOT NULL, 
	moved_at DATETIME NOT NULL, 
	CONSTRAINT pk_cursors PRIMARY KEY (feed)
);
INSERT INTO "cursors" VALUES('feed','2026-03-01 12:00:00.000005','2026-03-01 12:00:00.000005');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	dedupe_key VARCHAR NOT NULL, 
	destination VARCHAR NOT NULL, 
	payload JSON NOT NULL, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_at DATETIME NOT NULL, 
	leased_until DATETIME, 
	message_id VARCHAR, 
	last_error TEXT, 
	upload_id INTEGER, 
	created_at DATETIME NOT NULL, 
	sent_at DATETIME, 
	CONSTRAINT pk_outbox PRIMARY KEY (id), 
	CONSTRAINT fk_outbox_upload_id FOREIGN KEY(upload_id) REFERENCES uploads (id), 
	CONSTRAINT uq_outbox_dedupe_key UNIQUE (dedupe_key), 
	CONSTRAINT ck_outbox_known_state CHECK (state IN ('pending', 'sending', 'sent', 'dead'))
);
INSERT INTO "outbox" VALUES(1,'k0','reviewers','{"title": "about k0"}','sent',1,'2026-03-01 12:01:00.000005',NULL,'1234567890',NULL,1,'2026-03-01 12:01:00.000005','2026-03-01 12:03:00.000005');
INSERT INTO "outbox" VALUES(2,'k1','reviewers','{"title": "about k1"}','dead',1,'2026-03-01 12:00:00.000005',NULL,NULL,'refused',1,'2026-03-01 12:01:00.000005',NULL);
INSERT INTO "outbox" VALUES(3,'k2','reviewers','{"title": "about k2"}','pending',1,'2026-03-01 12:09:00.000005',NULL,NULL,'no answer',1,'2026-03-01 12:01:00.000005',NULL);
INSERT INTO "outbox" VALUES(4,'k3','reviewers','{"title": "about k3"}','sending',1,'2026-03-01 12:01:00.000005','2026-03-01 12:03:00.000005',NULL,NULL,1,'2026-03-01 12:01:00.000005',NULL);
INSERT INTO "outbox" VALUES(5,'news','reviewers','{"title": "about news"}','pending',0,'2026-03-01 12:00:00.000005',NULL,NULL,NULL,NULL,'2026-03-01 12:00:00.000005',NULL);
CREATE TABLE uploads (
	id INTEGER NOT NULL, 
	identity VARCHAR NOT NULL, 
	listed_revision VARCHAR NOT NULL, 
	repo_id VARCHAR NOT NULL, 
	repo_key VARCHAR NOT NULL, 
	hub_id VARCHAR, 
	revision VARCHAR, 
	created_at DATETIME NOT NULL, 
	parameters BIGINT, 
	gated BOOLEAN NOT NULL, 
	state VARCHAR NOT NULL, 
	reason TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	retry_at DATETIME, 
	first_seen DATETIME NOT NULL, 
	settled_at DATETIME, 
	report JSON, 
	weights_digest VARCHAR, 
	CONSTRAINT pk_uploads PRIMARY KEY (id), 
	CONSTRAINT uq_uploads_identity UNIQUE (identity, listed_revision), 
	CONSTRAINT ck_uploads_known_state CHECK (state IN ('pending', 'found', 'skipped', 'failed'))
);
INSERT INTO "uploads" VALUES(1,'org/found','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/found','org/found',NULL,'ffffffffffffffffffffffffffffffffffffffff','2026-03-01 11:00:00.000005',8000000000,0,'found','a blend of two',1,NULL,'2026-03-01 12:00:00.000005','2026-03-01 12:01:00.000005','{"finding": "blend", "n": [1, 2.5, null]}','digest');
INSERT INTO "uploads" VALUES(2,'org/skipped','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/skipped','org/skipped',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'skipped','small: „klein“',1,NULL,'2026-03-01 12:00:00.000005','2026-03-01 12:02:00.000005',NULL,NULL);
INSERT INTO "uploads" VALUES(3,'org/failed','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/failed','org/failed',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'failed','gone',1,NULL,'2026-03-01 12:00:00.000005','2026-03-01 12:03:00.000005',NULL,NULL);
INSERT INTO "uploads" VALUES(4,'org/tried','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/tried','org/tried',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'failed','the Hub did not answer',1,'2026-03-01 12:01:00.000005','2026-03-01 12:00:00.000005','2026-03-01 12:04:00.000005',NULL,NULL);
INSERT INTO "uploads" VALUES(5,'org/pending','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/Pending','org/pending',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'pending','',0,NULL,'2026-03-01 12:00:00.000005',NULL,NULL,NULL);
INSERT INTO "uploads" VALUES(6,'666666666666666666666666','','org/hub','org/hub','666666666666666666666666',NULL,'2026-03-01 11:00:00.000005',8000000000,1,'pending','',0,NULL,'2026-03-01 12:00:00.000005',NULL,NULL,NULL);
INSERT INTO "uploads" VALUES(7,'org/größe','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/Größe','org/größe',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',NULL,0,'pending','',0,NULL,'2026-03-01 12:00:00.000005',NULL,NULL,NULL);
CREATE INDEX ix_uploads_state_retry_at ON uploads (state, retry_at);
CREATE INDEX ix_uploads_repo_key ON uploads (repo_key);
CREATE INDEX ix_outbox_state_next_at ON outbox (state, next_at);
CREATE INDEX ix_outbox_upload_id ON outbox (upload_id);
COMMIT;
