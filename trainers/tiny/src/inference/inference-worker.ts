import { parentPort, workerData } from 'node:worker_threads';
import { loadModel } from '../model/model-file.ts';
import { createInferenceService } from './inference-service.ts';
import type { WorkerReply, WorkerRequest } from './messages.ts';

/** The inference thread: takes requests as messages, and between two passes of the model looks for more. */
const port = parentPort;
if (!port) throw new Error('This file is the inference thread; the server starts it.');

const { weights } = workerData as { readonly weights: string };
const reply = (message: WorkerReply): void => port.postMessage(message);
const service = createInferenceService(await loadModel(weights), reply);

let running = false;
const run = (): void => {
  running = service.step();
  // Not a plain loop: messages, such as a cancellation, are delivered only between turns of the event loop.
  if (running) setImmediate(run);
};

port.on('message', (request: WorkerRequest) => {
  service.handle(request);
  if (running) return;
  running = true;
  setImmediate(run);
});
reply({ kind: 'ready' });
