BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE consents (
	id INTEGER NOT NULL, 
	subscription INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	source TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_consents PRIMARY KEY (id), 
	CONSTRAINT fk_consents_subscription FOREIGN KEY(subscription) REFERENCES subscriptions (id) ON DELETE CASCADE
);
INSERT INTO "consents" VALUES(1,1,'confirmed','import','2026-11-20 08:00:00.000000');
INSERT INTO "consents" VALUES(2,2,'confirmed','import','2026-11-20 08:00:00.000000');
INSERT INTO "consents" VALUES(3,3,'confirmed','import','2026-11-20 08:00:00.000000');
CREATE TABLE deliveries (
	id INTEGER NOT NULL, 
	issue INTEGER NOT NULL, 
	subscriber INTEGER NOT NULL, 
	subscription INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	name TEXT NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	deferrals INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	next_attempt_at DATETIME, 
	reply TEXT NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_deliveries PRIMARY KEY (id), 
	CONSTRAINT fk_deliveries_issue FOREIGN KEY(issue) REFERENCES issues (id) ON DELETE CASCADE, 
	CONSTRAINT uq_deliveries_issue_subscriber UNIQUE (issue, subscriber)
);
INSERT INTO "deliveries" VALUES(1,1,1,1,'ax@example.org','','sent','',1,0,'2026-11-20 08:00:00.000000',NULL,'','2026-11-20 08:00:00.000000');
INSERT INTO "deliveries" VALUES(2,1,2,2,'bx@example.org','','sent','',1,0,'2026-11-20 08:00:00.000000',NULL,'','2026-11-20 08:00:00.000000');
INSERT INTO "deliveries" VALUES(3,1,3,3,' x@example.org','','failed','',1,0,'2026-11-20 08:00:00.000000',NULL,'','2026-11-20 08:00:00.000000');
INSERT INTO "deliveries" VALUES(4,2,1,1,'ax@example.org','','pending','',1,0,'2026-11-20 08:00:00.000000','2026-11-20 08:00:00.000000','','2026-11-20 08:00:00.000000');
CREATE TABLE delivery_attempts (
	id INTEGER NOT NULL, 
	delivery INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	reply TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_delivery_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_delivery_attempts_delivery FOREIGN KEY(delivery) REFERENCES deliveries (id) ON DELETE CASCADE
);
INSERT INTO "delivery_attempts" VALUES(1,3,1,'failed','refused','550 no','2026-11-20 08:00:00.000000');
CREATE TABLE issue_posts (
	newsletter TEXT NOT NULL, 
	post TEXT NOT NULL, 
	issue INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_issue_posts PRIMARY KEY (newsletter, post), 
	CONSTRAINT fk_issue_posts_issue FOREIGN KEY(issue) REFERENCES issues (id) ON DELETE CASCADE
);
INSERT INTO "issue_posts" VALUES('weekly','one',1,0);
INSERT INTO "issue_posts" VALUES('weekly','two',2,0);
CREATE TABLE issues (
	id INTEGER NOT NULL, 
	newsletter TEXT NOT NULL, 
	period TEXT NOT NULL, 
	slot DATETIME NOT NULL, 
	status TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	sent_at DATETIME, 
	CONSTRAINT pk_issues PRIMARY KEY (id), 
	CONSTRAINT uq_issues_newsletter_period UNIQUE (newsletter, period)
);
INSERT INTO "issues" VALUES(1,'weekly','W:2026-W46','2026-11-13 00:00:00.000000','sent','','One','hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh','2026-11-20 08:00:00.000000','2026-11-20 08:00:00.000000');
INSERT INTO "issues" VALUES(2,'weekly','W:2026-W47','2026-11-20 00:00:00.000000','sending','','Two','hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh','2026-11-20 08:00:00.000000',NULL);
CREATE TABLE newsletters (
	id TEXT NOT NULL, 
	first_seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_newsletters PRIMARY KEY (id)
);
INSERT INTO "newsletters" VALUES('weekly','2026-11-20 08:00:00.000000');
CREATE TABLE posts (
	id TEXT NOT NULL, 
	path TEXT NOT NULL, 
	body_hash VARCHAR(64) NOT NULL, 
	first_seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_posts PRIMARY KEY (id)
);
INSERT INTO "posts" VALUES('one','one.md','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','2026-11-20 08:00:00.000000');
INSERT INTO "posts" VALUES('two','two.md','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','2026-11-20 08:00:00.000000');
CREATE TABLE subscribers (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	address TEXT NOT NULL, 
	address_key TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT uq_subscribers_address_key UNIQUE (address_key)
);
INSERT INTO "subscribers" VALUES(1,'ann@example.org','ann@example.org','Ann','2026-11-20 08:00:00.000000');
INSERT INTO "subscribers" VALUES(2,'bob@example.org','bob@example.org','Bob','2026-11-20 08:00:00.000000');
INSERT INTO "subscribers" VALUES(3,'cyd@example.org','cyd@example.org','Cyd','2026-11-20 08:00:00.000000');
CREATE TABLE subscriptions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	subscriber INTEGER NOT NULL, 
	newsletter TEXT NOT NULL, 
	status TEXT NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT fk_subscriptions_subscriber FOREIGN KEY(subscriber) REFERENCES subscribers (id) ON DELETE CASCADE, 
	CONSTRAINT uq_subscriptions_subscriber_newsletter UNIQUE (subscriber, newsletter)
);
INSERT INTO "subscriptions" VALUES(1,1,'weekly','confirmed','2026-11-20 08:00:00.000000');
INSERT INTO "subscriptions" VALUES(2,2,'weekly','confirmed','2026-11-20 08:00:00.000000');
INSERT INTO "subscriptions" VALUES(3,3,'weekly','confirmed','2026-11-20 08:00:00.000000');
CREATE TABLE suppressions (
	address_key TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_suppressions PRIMARY KEY (address_key)
);
INSERT INTO "suppressions" VALUES('dan@example.org','operator','2026-11-20 08:00:00.000000');
CREATE TABLE variants (
	issue INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	html TEXT NOT NULL, 
	text TEXT NOT NULL, 
	nonce TEXT NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_variants PRIMARY KEY (issue, "key"), 
	CONSTRAINT fk_variants_issue FOREIGN KEY(issue) REFERENCES issues (id) ON DELETE CASCADE
);
INSERT INTO "variants" VALUES(1,'default','One','<p>','t','n',X'7B7D');
INSERT INTO "variants" VALUES(2,'default','Two','<p>','t','n',X'7B7D');
CREATE INDEX ix_posts_path ON posts (path);
CREATE INDEX ix_deliveries_subscription ON deliveries (subscription);
CREATE INDEX ix_issue_posts_issue ON issue_posts (issue);
CREATE INDEX ix_subscriptions_newsletter_status ON subscriptions (newsletter, status);
CREATE INDEX ix_consents_subscription ON consents (subscription);
CREATE INDEX ix_delivery_attempts_delivery ON delivery_attempts (delivery);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('subscribers',3);
INSERT INTO "sqlite_sequence" VALUES('subscriptions',3);
COMMIT;
