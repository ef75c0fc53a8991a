import type { FastifyInstance } from 'fastify';

interface Route {
  readonly segments: readonly string[];
  readonly methods: readonly string[];
}

/** Learns every route of the server as it is added. What it returns says which methods a path has; none if there is no such path. */
export function rememberMethods(server: FastifyInstance): (path: string) => readonly string[] {
  const routes: Route[] = [];
  server.addHook('onRoute', ({ url, method }) => {
    routes.push({ segments: url.split('/'), methods: [method].flat() });
  });
  return (path) => {
    const segments = path.split('/');
    return [...new Set(routes.filter((route) => matches(route, segments)).flatMap(({ methods }) => methods))];
  };
}

function matches(route: Route, segments: readonly string[]): boolean {
  const open = route.segments.at(-1) === '*';
  if (open ? segments.length < route.segments.length : segments.length !== route.segments.length) return false;
  return route.segments.every((part, index) => part === '*' || part.startsWith(':') || part === segments[index]);
}
