#!/bin/sh
# Entry point of the image: becomes the service that the command names, so that it gets signals itself.
set -eu
case "${1:-}" in
  producer | worker | monitor) exec node "apps/$1/dist/main.js" ;;
esac
echo "llm-engine: the command is producer, worker or monitor, not '${1:-}'" >&2
exit 2
