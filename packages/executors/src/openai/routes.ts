import { createHash } from 'node:crypto';
import { INFERENCE_ENDPOINTS } from '@llm-engine/contracts';
import type { ModelInfo } from '@llm-engine/contracts';
import type { SlotSource } from '../slots.ts';
import { chooseEndpoint } from './choose-endpoint.ts';
import { baseUrl, Endpoint } from './endpoint.ts';
import type { EndpointOptions, ListedModel } from './endpoint.ts';
import { answerLimits } from './settings.ts';
import type { AnswerLimits, AnswerSettings, DiscoveredServer, EndpointSettings, ServedModel } from './settings.ts';

/** Where requests for a model go. */
export interface Route {
  readonly info: ModelInfo;
  readonly upstreamModel: string;
  readonly source: SlotSource<Endpoint>;
  readonly limits: AnswerLimits;
  readonly includeUsage: boolean;
}

interface Discovery {
  readonly settings: DiscoveredServer;
  readonly endpoint: Endpoint;
  /** What the server listed last. It stays while the server does not answer, so that its jobs wait instead of failing. */
  listed: readonly ListedModel[];
}

interface RoutesOptions {
  readonly executor: string;
  readonly models: readonly ServedModel[];
  readonly servers: readonly DiscoveredServer[];
  readonly endpoint: EndpointOptions;
  /** Unix seconds: the age of models whose server does not tell it. */
  readonly created: number;
}

/** Which models there are and which endpoints serve them: those that are configured, and those that servers list. */
export class Routes {
  readonly endpoints: readonly Endpoint[];
  readonly #options: RoutesOptions;
  readonly #configured: ReadonlyMap<string, Route>;
  readonly #discoveries: readonly Discovery[];
  #all: ReadonlyMap<string, Route>;

  constructor(options: RoutesOptions) {
    const { models, servers } = options;
    const endpoints = shareEndpoints([...models.flatMap((model) => model.endpoints), ...servers], options.endpoint);
    const endpointOf = (settings: EndpointSettings): Endpoint => {
      const endpoint = endpoints.get(identity(settings));
      if (endpoint === undefined) throw new Error(`No endpoint was made for ${settings.url}.`);
      return endpoint;
    };
    this.#options = options;
    this.endpoints = [...endpoints.values()];
    this.#configured = new Map(
      models.map((model) => [model.id, this.#configuredRoute(model, model.endpoints.map(endpointOf))]),
    );
    this.#discoveries = servers.map((settings) => ({ settings, endpoint: endpointOf(settings), listed: [] }));
    this.#all = this.#configured;
  }

  get(model: string): Route | undefined {
    return this.#all.get(model);
  }

  models(): readonly ModelInfo[] {
    return [...this.#all.values()].map((route) => route.info);
  }

  /** Asks every server that is to be discovered for its models, all at once. */
  async discover(): Promise<void> {
    if (this.#discoveries.length === 0) return;
    await Promise.all(
      this.#discoveries.map(async (discovery) => {
        const { models } = await discovery.endpoint.probe({ fresh: true });
        if (models !== undefined) discovery.listed = models;
      }),
    );
    this.#all = this.#merge();
  }

  /** Configured models come first; a model that several servers list is served by all of them. */
  #merge(): ReadonlyMap<string, Route> {
    const all = new Map(this.#configured);
    for (const { settings, endpoint, listed } of this.#discoveries) {
      for (const model of listed) {
        if (this.#configured.has(model.id)) continue;
        const known = all.get(model.id);
        const route = this.#discoveredRoute(settings, endpoint, model);
        all.set(
          model.id,
          known === undefined ? route : { ...known, source: sourceOf([...known.source.holders, endpoint]) },
        );
      }
    }
    return all;
  }

  #configuredRoute(model: ServedModel, endpoints: readonly Endpoint[]): Route {
    return {
      info: this.#info(model.id, model, model.ownedBy, undefined),
      upstreamModel: model.upstreamModel ?? model.id,
      source: sourceOf(endpoints),
      limits: answerLimits(model),
      includeUsage: model.includeUsage ?? true,
    };
  }

  #discoveredRoute(settings: DiscoveredServer, endpoint: Endpoint, { id, ownedBy, created }: ListedModel): Route {
    return {
      info: this.#info(id, settings, ownedBy, created),
      upstreamModel: id,
      source: sourceOf([endpoint]),
      limits: answerLimits(settings),
      includeUsage: settings.includeUsage ?? true,
    };
  }

  #info(id: string, settings: AnswerSettings, ownedBy: string | undefined, created: number | undefined): ModelInfo {
    return {
      id,
      executor: this.#options.executor,
      pool: settings.pool ?? 'default',
      endpoints: settings.apis ?? INFERENCE_ENDPOINTS,
      trainable: false,
      ownedBy: ownedBy ?? 'llm-engine',
      created: created ?? this.#options.created,
    };
  }
}

function shareEndpoints(all: readonly EndpointSettings[], options: EndpointOptions): ReadonlyMap<string, Endpoint> {
  const merged = new Map<string, EndpointSettings>();
  for (const settings of all) {
    const key = identity(settings);
    const concurrency = smallest(merged.get(key)?.concurrency, settings.concurrency);
    merged.set(key, { ...settings, ...(concurrency === undefined ? {} : { concurrency }) });
  }
  return new Map([...merged].map(([key, settings]) => [key, new Endpoint(digest(key), settings, options)]));
}

export function sourceOf(holders: readonly Endpoint[]): SlotSource<Endpoint> {
  return { holders, choose: (priority) => chooseEndpoint(holders, priority) };
}

/** Names what holds a key without telling it. */
function digest(identityText: string): string {
  return createHash('sha256').update(identityText).digest('hex').slice(0, 32);
}

/** The same server with another key may be another account, with limits of its own. */
function identity({ url, apiKey, headers }: EndpointSettings): string {
  const sorted = Object.entries(headers ?? {}).toSorted(([a], [b]) => a.localeCompare(b));
  return JSON.stringify([baseUrl(url).href, apiKey ?? '', sorted]);
}

function smallest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
