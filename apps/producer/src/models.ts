import type { ModelInfo, OpenAIModel, OpenAIModelList } from '@llm-engine/contracts';
import type { ModelCatalogue } from '@llm-engine/queue';
import type { FastifyInstance } from 'fastify';

/** The models that workers have announced, as OpenAI's API lists them. */
export function addModelRoutes(server: FastifyInstance, models: ModelCatalogue): void {
  server.get('/v1/models', async (): Promise<OpenAIModelList> => {
    return { object: 'list', data: (await models.list()).map(openAIModel) };
  });

  server.get<{ Params: { model: string } }>('/v1/models/:model', async ({ params }): Promise<OpenAIModel> => {
    return openAIModel(await models.require(params.model));
  });
}

function openAIModel({ id, created, ownedBy }: ModelInfo): OpenAIModel {
  return { id, object: 'model', created, owned_by: ownedBy };
}
