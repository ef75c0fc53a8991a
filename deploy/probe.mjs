// Asks a probe of a service on this machine: `node probe.mjs 8080 /readyz`. Ends with 0 when the answer is 2xx.
const [port, path] = process.argv.slice(2);
try {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(3_000) });
  process.stdout.write(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${error.message} ${error.cause?.message ?? ''}\n`);
  process.exitCode = 1;
}
