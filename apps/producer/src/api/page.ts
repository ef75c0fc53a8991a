import { fastifySwagger } from '@fastify/swagger';
import type { StaticDocumentSpec } from '@fastify/swagger';
import { fastifySwaggerUi } from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openApiDocument } from './document.ts';

/** The page loads nothing from elsewhere, so it works without a network. */
const OWN_FILES_ONLY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'";

/** `GET /openapi.json`, and a page at `/docs` that shows it. */
export async function addApiPage(server: FastifyInstance): Promise<void> {
  const document = openApiDocument();
  const specification = { document } as StaticDocumentSpec;
  server.get('/openapi.json', () => document);
  await server.register(fastifySwagger, { mode: 'static', specification });
  await server.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    staticCSP: OWN_FILES_ONLY,
    theme: { title: 'LLM Engine API' },
  });
}
