BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE case_notes (
	id INTEGER NOT NULL, 
	case_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	unique_key VARCHAR NOT NULL, 
	noted_at DATETIME NOT NULL, 
	CONSTRAINT pk_case_notes PRIMARY KEY (id), 
	CONSTRAINT fk_case_notes_case_id FOREIGN KEY(case_id) REFERENCES cases (case_id), 
	CONSTRAINT uq_case_notes_unique_key UNIQUE (unique_key)
);
INSERT INTO "case_notes" VALUES(1,'cccccccccccc','card','changed','key','2026-03-01 12:00:00.000005');
CREATE TABLE cases (
	case_id VARCHAR NOT NULL, 
	upload_id INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	method VARCHAR NOT NULL, 
	report JSON NOT NULL, 
	opened_at DATETIME NOT NULL, 
	asked_at DATETIME NOT NULL, due_at DATETIME, 
	CONSTRAINT pk_cases PRIMARY KEY (case_id), 
	CONSTRAINT fk_cases_upload_id FOREIGN KEY(upload_id) REFERENCES uploads (id), 
	CONSTRAINT ck_cases_known_state CHECK (state IN ('open', 'retracted'))
);
INSERT INTO "cases" VALUES('cccccccccccc',1,'open','mmmmmmmmmmmm','{"finding": "blend", "n": [1, 2.5, null]}','2026-03-01 12:01:00.000005','2026-03-01 12:01:00.000005','2026-03-01 13:01:00.000005');
INSERT INTO "cases" VALUES('dddddddddddd',8,'open','mmmmmmmmmmmm','{"case": "dddddddddddd", "suspect": {"repo_id": "org/Found"}}','2026-03-01 12:00:00.000005','2026-03-01 12:00:00.000005','2026-03-01 13:00:00.000005');
CREATE TABLE conditions (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	began_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT pk_conditions PRIMARY KEY (id)
);
INSERT INTO "conditions" VALUES(1,'disk','1 MB left','2026-03-01 12:00:00.000005','2026-03-01 12:01:00.000005');
CREATE TABLE counts (
	name VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_counts PRIMARY KEY (name, label)
);
INSERT INTO "counts" VALUES('uploads','pending',3);
INSERT INTO "counts" VALUES('findings','blend',1);
INSERT INTO "counts" VALUES('uploads','found',2);
INSERT INTO "counts" VALUES('alerts','pending',4);
INSERT INTO "counts" VALUES('uploads','skipped',1);
INSERT INTO "counts" VALUES('uploads','failed',2);
INSERT INTO "counts" VALUES('findings','unknown',1);
INSERT INTO "counts" VALUES('alerts','sending',1);
INSERT INTO "counts" VALUES('alerts','sent',1);
INSERT INTO "counts" VALUES('alerts','dead',1);
CREATE TABLE cursors (
	feed VARCHAR NOT NULL, 
	read_to DATETIME NOT NULL, 
	moved_at DATETIME NOT NULL, began_at DATETIME, 
	CONSTRAINT pk_cursors PRIMARY KEY (feed)
);
INSERT INTO "cursors" VALUES('feed','2026-03-01 12:00:00.000005','2026-03-01 12:00:00.000005',NULL);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	identity VARCHAR NOT NULL, 
	repo_id VARCHAR NOT NULL, 
	repo_key VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	unique_key VARCHAR NOT NULL, 
	detail TEXT NOT NULL, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT uq_events_unique_key UNIQUE (unique_key)
);
INSERT INTO "events" VALUES(1,'org/found','org/found','org/found','created','org/found:created:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 12:00:00.000005');
INSERT INTO "events" VALUES(2,'org/skipped','org/skipped','org/skipped','created','org/skipped:created:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 12:00:00.000005');
INSERT INTO "events" VALUES(3,'org/failed','org/failed','org/failed','created','org/failed:created:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 12:00:00.000005');
INSERT INTO "events" VALUES(4,'org/tried','org/tried','org/tried','created','org/tried:created:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 12:00:00.000005');
INSERT INTO "events" VALUES(5,'org/pending','org/Pending','org/pending','created','org/pending:created:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 12:00:00.000005');
INSERT INTO "events" VALUES(6,'666666666666666666666666','org/hub','org/hub','created','666666666666666666666666:created:','','2026-03-01 12:00:00.000005');
INSERT INTO "events" VALUES(7,'org/größe','org/Größe','org/größe','created','org/größe:created:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 12:00:00.000005');
INSERT INTO "events" VALUES(8,'dddddddddddddddddddddddd','org/Found','org/found','created','dddddddddddddddddddddddd:created:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 12:00:00.000005');
CREATE TABLE evidence (
	id INTEGER NOT NULL, 
	upload_id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	size BIGINT NOT NULL, 
	gated BOOLEAN NOT NULL, 
	kept_at DATETIME NOT NULL, 
	CONSTRAINT pk_evidence PRIMARY KEY (id), 
	CONSTRAINT fk_evidence_upload_id FOREIGN KEY(upload_id) REFERENCES uploads (id), 
	CONSTRAINT uq_evidence_upload_id UNIQUE (upload_id, kind, digest)
);
INSERT INTO "evidence" VALUES(1,1,'card','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',7,0,'2026-03-01 12:00:00.000005');
CREATE TABLE log_checkpoints (
	size INTEGER NOT NULL, 
	root VARCHAR NOT NULL, 
	note TEXT NOT NULL, 
	token TEXT, 
	made_at DATETIME NOT NULL, 
	CONSTRAINT pk_log_checkpoints PRIMARY KEY (size)
);
INSERT INTO "log_checkpoints" VALUES(4,'362d467fafe8ff70ed47101f27e142060736860c53813a310d27377fa0eb07e7','note','746f6b656e','2026-03-01 12:00:00.000005');
CREATE TABLE log_entries (
	number INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	upload_id INTEGER NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	text TEXT, 
	CONSTRAINT pk_log_entries PRIMARY KEY (number), 
	CONSTRAINT fk_log_entries_upload_id FOREIGN KEY(upload_id) REFERENCES uploads (id)
);
INSERT INTO "log_entries" VALUES(0,'kept card',1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','{"at":"2026-03-01T12:00:00+00:00","bytes":7,"case":null,"format":"blendwatch log entry 1","kind":"kept card","repo_id":"org/found","revision":"ffffffffffffffffffffffffffffffffffffffff","salt":"","sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}');
INSERT INTO "log_entries" VALUES(1,'case opened',1,'d3798f298296e75d065d26f0ce989e0715468f4c4148e922b10613fbbb1947cc','{"at":"2026-03-01T12:01:00+00:00","bytes":36,"case":"cccccccccccc","format":"blendwatch log entry 1","kind":"case opened","repo_id":"org/found","revision":"ffffffffffffffffffffffffffffffffffffffff","salt":"","sha256":"d3798f298296e75d065d26f0ce989e0715468f4c4148e922b10613fbbb1947cc"}');
INSERT INTO "log_entries" VALUES(2,'note card',1,'91411774e8e822f1c5bb533bba1a0ee45c8f1e09bc5c7153eb041500f0171614','{"at":"2026-03-01T12:00:00+00:00","bytes":66,"case":"cccccccccccc","format":"blendwatch log entry 1","kind":"note card","repo_id":"org/found","revision":"ffffffffffffffffffffffffffffffffffffffff","salt":"","sha256":"91411774e8e822f1c5bb533bba1a0ee45c8f1e09bc5c7153eb041500f0171614"}');
INSERT INTO "log_entries" VALUES(3,'case opened',8,'82db60d63d1d2449714b04add2f962e8d26987657f71d36718471d892c0c7cba','{"at":"2026-03-01T12:00:00+00:00","bytes":57,"case":"dddddddddddd","format":"blendwatch log entry 1","kind":"case opened","repo_id":"org/Found","revision":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","salt":"","sha256":"82db60d63d1d2449714b04add2f962e8d26987657f71d36718471d892c0c7cba"}');
CREATE TABLE log_nodes (
	level INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	hash VARCHAR NOT NULL, 
	CONSTRAINT pk_log_nodes PRIMARY KEY (level, number)
);
INSERT INTO "log_nodes" VALUES(0,0,'a22a2bc5c0e2b0173f3d6585b1bad56a2e7040b92ea8915afbd7ca0e29556ed0');
INSERT INTO "log_nodes" VALUES(0,1,'ecedec65c0e5dc68cc61e106d5a2ff11ced5d20f4de3b0df56e265d7550409f4');
INSERT INTO "log_nodes" VALUES(1,0,'7370e3e085391c463566e486294923d0fd9a705d53a7ab85dc0a61aa7d4eb19a');
INSERT INTO "log_nodes" VALUES(0,2,'5f8c7a6913c964061ca720f2fd094ba89d06f49f1ec9de484342cdee7a9b987d');
INSERT INTO "log_nodes" VALUES(0,3,'d366db070586fce23bbd0e0eae8af3f9dcc3d7b20b6c55425d38ffafb697cf1c');
INSERT INTO "log_nodes" VALUES(1,1,'2567f111820ea35b33c36f468412077a5c185e97fd5cc21d23895dd115e98807');
INSERT INTO "log_nodes" VALUES(2,0,'362d467fafe8ff70ed47101f27e142060736860c53813a310d27377fa0eb07e7');
CREATE TABLE marks (
	name VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_marks PRIMARY KEY (name)
);
INSERT INTO "marks" VALUES('discord.commands','digest','2026-03-01 12:00:00.000005');
CREATE TABLE mutes (
	guild_id VARCHAR NOT NULL, 
	organisation VARCHAR NOT NULL, 
	until DATETIME NOT NULL, 
	by_user VARCHAR NOT NULL, 
	reason TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_mutes PRIMARY KEY (guild_id, organisation)
);
INSERT INTO "mutes" VALUES('1','org','2026-03-01 12:01:00.000005','5','enough','2026-03-01 12:00:00.000005');
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
INSERT INTO "outbox" VALUES(6,'diskNone','reviewers','{"title": "about diskNone"}','pending',0,'2026-03-01 12:00:00.000005',NULL,NULL,NULL,NULL,'2026-03-01 12:00:00.000005',NULL);
INSERT INTO "outbox" VALUES(7,'disk2026-03-01 12:01:00.000005+00:00','reviewers','{"title": "about disk2026-03-01 12:01:00.000005+00:00"}','pending',0,'2026-03-01 12:01:00.000005',NULL,NULL,NULL,NULL,'2026-03-01 12:01:00.000005',NULL);
CREATE TABLE publications (
	case_id VARCHAR NOT NULL, 
	repo_key VARCHAR NOT NULL, 
	standing VARCHAR NOT NULL, 
	reason TEXT NOT NULL, 
	decided_at DATETIME, 
	remind_at DATETIME, 
	reminders INTEGER NOT NULL, 
	CONSTRAINT pk_publications PRIMARY KEY (case_id), 
	CONSTRAINT fk_publications_case_id FOREIGN KEY(case_id) REFERENCES cases (case_id), 
	CONSTRAINT ck_publications_known_standing CHECK (standing IN ('review', 'published', 'rejected', 'kept'))
);
INSERT INTO "publications" VALUES('dddddddddddd','org/found','review','',NULL,'2026-03-01 12:01:00.000005',0);
CREATE TABLE remarks (
	id INTEGER NOT NULL, 
	case_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	scope VARCHAR NOT NULL, 
	by_user VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	state VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	decided_by VARCHAR, 
	CONSTRAINT pk_remarks PRIMARY KEY (id), 
	CONSTRAINT fk_remarks_case_id FOREIGN KEY(case_id) REFERENCES cases (case_id), 
	CONSTRAINT uq_remarks_case_id UNIQUE (case_id, kind, scope, by_user), 
	CONSTRAINT ck_remarks_known_kind CHECK (kind IN ('publish', 'reject', 'retract', 'acknowledge', 'dismiss', 'answer')), 
	CONSTRAINT ck_remarks_known_state CHECK (state IN ('open', 'accepted', 'refused', 'done'))
);
INSERT INTO "remarks" VALUES(1,'dddddddddddd','publish','1','5','gut','done','2026-03-01 12:00:00.000005',NULL);
CREATE TABLE subscriptions (
	id INTEGER NOT NULL, 
	guild_id VARCHAR NOT NULL, 
	channel_id VARCHAR NOT NULL, 
	role_id VARCHAR, 
	filters JSON NOT NULL, 
	locale VARCHAR NOT NULL, 
	announce BOOLEAN NOT NULL, 
	created_by VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_subscriptions PRIMARY KEY (id), 
	CONSTRAINT uq_subscriptions_channel_id UNIQUE (channel_id)
);
INSERT INTO "subscriptions" VALUES(1,'1','10','77','{"strength": "exact"}','en',0,'','2026-03-01 12:00:00.000005');
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
	weights_digest VARCHAR, silent BOOLEAN DEFAULT 0 NOT NULL, finding VARCHAR, 
	CONSTRAINT pk_uploads PRIMARY KEY (id), 
	CONSTRAINT uq_uploads_identity UNIQUE (identity, listed_revision), 
	CONSTRAINT ck_uploads_known_state CHECK (state IN ('pending', 'found', 'skipped', 'failed'))
);
INSERT INTO "uploads" VALUES(1,'org/found','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/found','org/found',NULL,'ffffffffffffffffffffffffffffffffffffffff','2026-03-01 11:00:00.000005',8000000000,0,'found','a blend of two',1,NULL,'2026-03-01 12:00:00.000005','2026-03-01 12:01:00.000005','{"finding": "blend", "n": [1, 2.5, null]}','digest',0,'blend');
INSERT INTO "uploads" VALUES(2,'org/skipped','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/skipped','org/skipped',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'skipped','small: „klein“',1,NULL,'2026-03-01 12:00:00.000005','2026-03-01 12:02:00.000005',NULL,NULL,0,NULL);
INSERT INTO "uploads" VALUES(3,'org/failed','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/failed','org/failed',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'failed','gone',1,NULL,'2026-03-01 12:00:00.000005','2026-03-01 12:03:00.000005',NULL,NULL,0,NULL);
INSERT INTO "uploads" VALUES(4,'org/tried','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/tried','org/tried',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'failed','the Hub did not answer',1,'2026-03-01 12:01:00.000005','2026-03-01 12:00:00.000005','2026-03-01 12:04:00.000005',NULL,NULL,0,NULL);
INSERT INTO "uploads" VALUES(5,'org/pending','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/Pending','org/pending',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'pending','',0,NULL,'2026-03-01 12:00:00.000005',NULL,NULL,NULL,0,NULL);
INSERT INTO "uploads" VALUES(6,'666666666666666666666666','','org/hub','org/hub','666666666666666666666666',NULL,'2026-03-01 11:00:00.000005',8000000000,1,'pending','',0,NULL,'2026-03-01 12:00:00.000005',NULL,NULL,NULL,0,NULL);
INSERT INTO "uploads" VALUES(7,'org/größe','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/Größe','org/größe',NULL,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',NULL,0,'pending','',0,NULL,'2026-03-01 12:00:00.000005',NULL,NULL,NULL,0,NULL);
INSERT INTO "uploads" VALUES(8,'dddddddddddddddddddddddd','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','org/Found','org/found','dddddddddddddddddddddddd','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01 11:00:00.000005',8000000000,0,'found','why',1,NULL,'2026-03-01 12:00:00.000005','2026-03-01 12:00:00.000005','{"case": "dddddddddddd", "suspect": {"repo_id": "org/Found"}}',NULL,0,'unknown');
CREATE INDEX ix_uploads_state_retry_at ON uploads (state, retry_at);
CREATE INDEX ix_uploads_repo_key ON uploads (repo_key);
CREATE INDEX ix_outbox_state_next_at ON outbox (state, next_at);
CREATE INDEX ix_outbox_upload_id ON outbox (upload_id);
CREATE INDEX ix_events_identity ON events (identity);
CREATE INDEX ix_events_repo_key ON events (repo_key);
CREATE INDEX ix_conditions_name ON conditions (name);
CREATE INDEX ix_outbox_open ON outbox (id) WHERE state NOT IN ('sent', 'dead');
CREATE INDEX ix_subscriptions_guild_id ON subscriptions (guild_id);
CREATE INDEX ix_publications_repo_key ON publications (repo_key);
CREATE INDEX ix_publications_standing_remind_at ON publications (standing, remind_at);
CREATE INDEX ix_log_entries_upload_id ON log_entries (upload_id);
CREATE INDEX ix_uploads_state_settled_at ON uploads (state, settled_at);
CREATE INDEX ix_uploads_created_at ON uploads (created_at);
CREATE INDEX ix_uploads_weights_digest ON uploads (weights_digest);
CREATE INDEX ix_outbox_message_id ON outbox (message_id);
CREATE INDEX ix_conditions_ended_at ON conditions (ended_at);
CREATE INDEX ix_cases_upload_id ON cases (upload_id);
CREATE INDEX ix_cases_opened_at ON cases (opened_at);
CREATE INDEX ix_cases_due_at ON cases (due_at);
CREATE INDEX ix_cases_state_method ON cases (state, method);
CREATE INDEX ix_case_notes_case_id ON case_notes (case_id);
CREATE INDEX ix_case_notes_kind_noted_at ON case_notes (kind, noted_at);
CREATE INDEX ix_outbox_unreported ON outbox (id) WHERE state = 'dead' AND last_error NOT LIKE '%; the operator was told';
CREATE INDEX ix_outbox_destination_sent_at ON outbox (destination, sent_at) WHERE sent_at IS NOT NULL;
CREATE TRIGGER count_uploads_insert AFTER INSERT ON uploads BEGIN INSERT INTO counts SELECT 'uploads', NEW.state, 0 WHERE NEW.state IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'uploads' AND label = NEW.state); UPDATE counts SET number = number + 1 WHERE name = 'uploads' AND label = NEW.state; END;
CREATE TRIGGER count_uploads_delete AFTER DELETE ON uploads BEGIN INSERT INTO counts SELECT 'uploads', OLD.state, 0 WHERE OLD.state IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'uploads' AND label = OLD.state); UPDATE counts SET number = number - 1 WHERE name = 'uploads' AND label = OLD.state; END;
CREATE TRIGGER count_uploads_update AFTER UPDATE OF state ON uploads BEGIN INSERT INTO counts SELECT 'uploads', OLD.state, 0 WHERE OLD.state IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'uploads' AND label = OLD.state); UPDATE counts SET number = number - 1 WHERE name = 'uploads' AND label = OLD.state; INSERT INTO counts SELECT 'uploads', NEW.state, 0 WHERE NEW.state IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'uploads' AND label = NEW.state); UPDATE counts SET number = number + 1 WHERE name = 'uploads' AND label = NEW.state; END;
CREATE TRIGGER count_findings_insert AFTER INSERT ON uploads BEGIN INSERT INTO counts SELECT 'findings', NEW.finding, 0 WHERE NEW.finding IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'findings' AND label = NEW.finding); UPDATE counts SET number = number + 1 WHERE name = 'findings' AND label = NEW.finding; END;
CREATE TRIGGER count_findings_delete AFTER DELETE ON uploads BEGIN INSERT INTO counts SELECT 'findings', OLD.finding, 0 WHERE OLD.finding IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'findings' AND label = OLD.finding); UPDATE counts SET number = number - 1 WHERE name = 'findings' AND label = OLD.finding; END;
CREATE TRIGGER count_findings_update AFTER UPDATE OF finding ON uploads BEGIN INSERT INTO counts SELECT 'findings', OLD.finding, 0 WHERE OLD.finding IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'findings' AND label = OLD.finding); UPDATE counts SET number = number - 1 WHERE name = 'findings' AND label = OLD.finding; INSERT INTO counts SELECT 'findings', NEW.finding, 0 WHERE NEW.finding IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'findings' AND label = NEW.finding); UPDATE counts SET number = number + 1 WHERE name = 'findings' AND label = NEW.finding; END;
CREATE TRIGGER count_alerts_insert AFTER INSERT ON outbox BEGIN INSERT INTO counts SELECT 'alerts', NEW.state, 0 WHERE NEW.state IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'alerts' AND label = NEW.state); UPDATE counts SET number = number + 1 WHERE name = 'alerts' AND label = NEW.state; END;
CREATE TRIGGER count_alerts_delete AFTER DELETE ON outbox BEGIN INSERT INTO counts SELECT 'alerts', OLD.state, 0 WHERE OLD.state IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'alerts' AND label = OLD.state); UPDATE counts SET number = number - 1 WHERE name = 'alerts' AND label = OLD.state; END;
CREATE TRIGGER count_alerts_update AFTER UPDATE OF state ON outbox BEGIN INSERT INTO counts SELECT 'alerts', OLD.state, 0 WHERE OLD.state IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'alerts' AND label = OLD.state); UPDATE counts SET number = number - 1 WHERE name = 'alerts' AND label = OLD.state; INSERT INTO counts SELECT 'alerts', NEW.state, 0 WHERE NEW.state IS NOT NULL AND NOT EXISTS (SELECT 1 FROM counts WHERE name = 'alerts' AND label = NEW.state); UPDATE counts SET number = number + 1 WHERE name = 'alerts' AND label = NEW.state; END;
COMMIT;
