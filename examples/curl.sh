#!/bin/sh
# Jobs over HTTP, with nothing but curl and sed. `npm start` first, then: sh examples/curl.sh
set -eu
url="${LLM_ENGINE_URL:-http://127.0.0.1:8080}"

# Every call sends the key of LLM_ENGINE_API_KEY, where there is one.
call() { curl -sSf -H "Authorization: Bearer ${LLM_ENGINE_API_KEY:-none}" -H 'Content-Type: application/json' "$@"; }
id_of() { sed -n 's/^{"id":"\([^"]*\)".*/\1/p'; }

echo '== A synchronous request: it waits in the queue like any other job'
call "$url/v1/chat/completions" -d '{"model":"tiny-chat","temperature":0,"messages":[{"role":"user","content":"What is a queue?"}]}'

echo; echo '== A job: answered as soon as it is in the queue'
job=$(call "$url/v1/jobs" -d '{
  "kind": "inference",
  "endpoint": "/v1/chat/completions",
  "body": { "model": "tiny-chat", "temperature": 0, "stream": true, "messages": [{ "role": "user", "content": "What is a worker?" }] },
  "priority": "bulk",
  "metadata": { "run": "7" }
}' | id_of)
echo "$job"

echo '== Its end'
call "$url/v1/jobs/$job/wait"

echo; echo '== Its stream, from the third chunk on'
call -N "$url/v1/jobs/$job/stream" -H 'Last-Event-ID: 2' | sed -n '1,3p'

echo '== A job for later, cancelled before'
later=$(call "$url/v1/jobs" -d '{
  "kind": "inference", "endpoint": "/v1/embeddings", "body": { "model": "tiny-chat", "input": "a queue" }, "delay_ms": 3600000
}' | id_of)
call -X POST "$url/v1/jobs/$later/cancel"

echo; echo '== Two fine-tunes in one request: both are checked before one is accepted'
call "$url/v1/jobs" -d '{ "jobs": [
  { "kind": "fine-tune", "model": "mock", "dataset": "/data/a.jsonl", "suffix": "a" },
  { "kind": "fine-tune", "model": "mock", "dataset": "/data/b.jsonl", "suffix": "b" }
] }'
echo
