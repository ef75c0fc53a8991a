CREATE TABLE "batches" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"endpoint" text NOT NULL,
	"input_file_id" text NOT NULL,
	"completion_window" text NOT NULL,
	"priority" text NOT NULL,
	"metadata" json,
	"output_expires_after" integer,
	"status" text NOT NULL,
	"ending" text,
	"errors" json,
	"model" text,
	"pool" text,
	"total" integer DEFAULT 0 NOT NULL,
	"output_file_id" text,
	"error_file_id" text,
	"retry_of" text,
	"idempotency_key" text,
	"request_digest" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"paused_at" timestamp (3) with time zone,
	"in_progress_at" timestamp (3) with time zone,
	"finalizing_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"failed_at" timestamp (3) with time zone,
	"expired_at" timestamp (3) with time zone,
	"cancelling_at" timestamp (3) with time zone,
	"cancelled_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "chunks" (
	"batch_id" text NOT NULL,
	"number" integer NOT NULL,
	"first_line" integer NOT NULL,
	"lines" integer NOT NULL,
	"byte_offset" bigint NOT NULL,
	"byte_length" integer NOT NULL,
	"epoch" integer DEFAULT 0 NOT NULL,
	"progress_epoch" integer DEFAULT 0 NOT NULL,
	"suspect_line" integer,
	"suspect_deaths" integer DEFAULT 0 NOT NULL,
	"completed" integer DEFAULT 0 NOT NULL,
	"failed" integer DEFAULT 0 NOT NULL,
	"input_tokens" bigint DEFAULT 0 NOT NULL,
	"cached_tokens" bigint DEFAULT 0 NOT NULL,
	"output_tokens" bigint DEFAULT 0 NOT NULL,
	"reasoning_tokens" bigint DEFAULT 0 NOT NULL,
	"sealed_at" timestamp (3) with time zone,
	"sealed_epoch" integer,
	"output_bytes" bigint DEFAULT 0 NOT NULL,
	"error_bytes" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "chunks_batch_id_number_pk" PRIMARY KEY("batch_id","number")
);
--> statement-breakpoint
CREATE TABLE "events" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"type" text NOT NULL,
	"subject" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"delivered_at" timestamp (3) with time zone,
	"deliver_at" timestamp (3) with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_error" text
);
--> statement-breakpoint
CREATE TABLE "files" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"purpose" text NOT NULL,
	"filename" text NOT NULL,
	"bytes" bigint NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "groups" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"metadata" json,
	"metric" json,
	"total" integer NOT NULL,
	"retry_of" text,
	"idempotency_key" text,
	"request_digest" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"cancelled_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"group_id" text,
	"group_index" integer,
	"submission" json NOT NULL,
	"queue" text NOT NULL,
	"record" json,
	"state" text,
	"prompt_tokens" bigint DEFAULT 0 NOT NULL,
	"completion_tokens" bigint DEFAULT 0 NOT NULL,
	"score" double precision,
	"created_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "keys" (
	"digest" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"revoked_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "models" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"base" text NOT NULL,
	"job_id" text NOT NULL,
	"artifact" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "parts" (
	"batch_id" text NOT NULL,
	"chunk" integer NOT NULL,
	"epoch" integer NOT NULL,
	"sequence" integer NOT NULL,
	"lines" integer[] NOT NULL,
	"sizes" integer[] NOT NULL,
	"body" "bytea" NOT NULL,
	CONSTRAINT "parts_batch_id_chunk_epoch_sequence_pk" PRIMARY KEY("batch_id","chunk","epoch","sequence")
);
--> statement-breakpoint
ALTER TABLE "chunks" ADD CONSTRAINT "chunks_batch_id_batches_id_fk" FOREIGN KEY ("batch_id") REFERENCES "public"."batches"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_group_id_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "public"."groups"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "parts" ADD CONSTRAINT "parts_batch_id_chunk_chunks_batch_id_number_fk" FOREIGN KEY ("batch_id","chunk") REFERENCES "public"."chunks"("batch_id","number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "batches_owner_id_index" ON "batches" USING btree ("owner","id");--> statement-breakpoint
CREATE INDEX "batches_status_index" ON "batches" USING btree ("status") WHERE status in ('validating', 'in_progress', 'finalizing', 'cancelling');--> statement-breakpoint
CREATE UNIQUE INDEX "batches_owner_idempotency_key_index" ON "batches" USING btree ("owner","idempotency_key");--> statement-breakpoint
CREATE INDEX "chunks_batch_id_index" ON "chunks" USING btree ("batch_id") WHERE sealed_at is null;--> statement-breakpoint
CREATE INDEX "events_subject_index" ON "events" USING btree ("subject");--> statement-breakpoint
CREATE INDEX "events_deliver_at_index" ON "events" USING btree ("deliver_at") WHERE deliver_at is not null;--> statement-breakpoint
CREATE INDEX "files_owner_id_index" ON "files" USING btree ("owner","id");--> statement-breakpoint
CREATE INDEX "files_expires_at_index" ON "files" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "groups_owner_id_index" ON "groups" USING btree ("owner","id");--> statement-breakpoint
CREATE INDEX "groups_finished_at_index" ON "groups" USING btree ("finished_at") WHERE finished_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "groups_owner_idempotency_key_index" ON "groups" USING btree ("owner","idempotency_key");--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_group_id_group_index_index" ON "jobs" USING btree ("group_id","group_index");--> statement-breakpoint
CREATE INDEX "jobs_owner_id_index" ON "jobs" USING btree ("owner","id");--> statement-breakpoint
CREATE INDEX "jobs_open_index" ON "jobs" USING btree ("group_id","group_index") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "models_owner_id_index" ON "models" USING btree ("owner","id");--> statement-breakpoint
-- Ranges of a body are read with substring(): of a compressed value every range would cost the whole, and results were
-- never kept for long enough to make up for it.
ALTER TABLE "parts" ALTER COLUMN "body" SET STORAGE EXTERNAL;
