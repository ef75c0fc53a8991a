/** Where to look for what. Plain HTML: no script, no style, nothing loaded. */
export const HOME_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>LLM Engine monitor</title>
  </head>
  <body>
    <main>
      <h1>LLM Engine monitor</h1>
      <dl>
        <dt><a href="/health">Health</a></dt>
        <dd>Redis, workers, queues and executors: what is wrong, and what to do</dd>
        <dt><a href="/queues">Queues</a></dt>
        <dd>Bull Board: jobs by queue and state, to look at only</dd>
        <dt><a href="/metrics">Metrics</a></dt>
        <dd>For Prometheus</dd>
        <dt><a href="/api/queues">Queues as JSON</a></dt>
        <dd>Counts, age of the oldest waiting job, workers</dd>
        <dt><a href="/api/workers">Workers as JSON</a></dt>
        <dd>Slots, jobs, memory and executors, from their heartbeats</dd>
      </dl>
    </main>
  </body>
</html>
`;
