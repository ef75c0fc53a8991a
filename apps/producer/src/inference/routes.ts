import { INFERENCE_ENDPOINTS } from '@llm-engine/contracts';
import type { InferenceSubmission } from '@llm-engine/contracts';
import type { FastifyInstance } from 'fastify';
import { answerInChunks } from './answer-in-chunks.ts';
import { answerWhole } from './answer-whole.ts';
import type { Exchange, InferenceOptions } from './exchange.ts';
import { submissionOf } from './submission.ts';

/** OpenAI's inference endpoints: each request becomes a job, and its answer is the job's. */
export function addInferenceRoutes(server: FastifyInstance, options: InferenceOptions): void {
  for (const endpoint of INFERENCE_ENDPOINTS) {
    server.post(endpoint, async (request, reply) => {
      const submission = submissionOf(endpoint, request);
      using wait = options.inFlight.enter(reply.raw);
      const exchange: Exchange = { ...options, submission, reply, wait };
      return await (asksForChunks(submission) ? answerInChunks(exchange) : answerWhole(exchange));
    });
  }
}

function asksForChunks({ endpoint, body }: InferenceSubmission): boolean {
  return endpoint !== '/v1/embeddings' && body.stream === true;
}
