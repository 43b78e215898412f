import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { BINARY } from "../scripts/build.ts";
import { type SpaceData, sampleData } from "./data.ts";
import { invalid, missing, Refusal } from "./filter.ts";
import {
  type RateClass,
  type Rates,
  route,
  SWITCHES,
  type Switches,
} from "./routes.ts";

export type { Switches } from "./routes.ts";

/** What a free plan allows in a minute. */
export const FREE_PLAN = { search: 15, read: 60, resetInSeconds: 60 };

export type SampleSpaceOptions = {
  data?: SpaceData;
  apiKey?: string;
  port?: number;
  tls?: { key: string; cert: string };
  switches?: Partial<Switches>;
  latencyMs?: number;
  /** Without it requests are counted against 150/600, but never refused. */
  rateLimit?: { search: number; read: number; resetInSeconds: number };
  now?: () => number;
  /** May answer instead of the space; called once the request is recorded. */
  answer?: (
    request: Request,
    path: string,
  ) => Response | undefined | Promise<Response | undefined>;
};

/** Plain values, because Bun empties a Request once it is answered. */
export type RecordedRequest = {
  method: string;
  path: string;
  query: string;
  apiKey: string | null;
  userAgent: string | null;
  at: number;
  answeredAt?: number;
  aborted: boolean;
  status?: number;
};

export type SampleSpace = {
  url: string;
  host: string;
  apiKey: string;
  requests: RecordedRequest[];
  peak: number;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** A Backlog space on localhost that answers reads as the real one would. */
export function startSampleSpace(
  options: SampleSpaceOptions = {},
): SampleSpace {
  const context = toContext(options);
  let underWay = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    // The default would cut off answers that are slow on purpose.
    idleTimeout: 0,
    ...(options.tls ? { tls: options.tls } : {}),
    async fetch(request) {
      const record = toRecord(request);
      space.requests.push(record);
      underWay += 1;
      space.peak = Math.max(space.peak, underWay);
      const leave = once(() => {
        underWay -= 1;
      });
      request.signal.addEventListener("abort", () => {
        if (record.answeredAt === undefined) record.aborted = true;
        leave();
      });
      try {
        const url = new URL(request.url);
        const response =
          (await options.answer?.(request, record.path)) ??
          (await answer(context, record, url));
        if (!record.aborted) record.status = response.status;
        return response;
      } finally {
        if (!record.aborted) record.answeredAt = performance.now();
        leave();
      }
    },
  });
  const host = `127.0.0.1:${server.port}`;
  const stop = () => server.stop(true);
  const space: SampleSpace = {
    url: `${options.tls ? "https" : "http"}://${host}`,
    host,
    apiKey: context.apiKey,
    requests: [],
    peak: 0,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return space;
}

const API = "/api/v2";

type Context = {
  data: SpaceData;
  apiKey: string;
  latencyMs: number;
  switches: Switches;
  rates: Rates;
  rateLimit: SampleSpaceOptions["rateLimit"];
  now: () => number;
};

function toContext(options: SampleSpaceOptions): Context {
  const { search = 150, read = 600 } = options.rateLimit ?? {};
  return {
    data: options.data ?? sampleData(),
    apiKey: options.apiKey ?? "sample-key-0123456789abcdefghijklmnop",
    latencyMs: options.latencyMs ?? 0,
    switches: { ...SWITCHES, ...options.switches },
    rates: {
      search: { limit: search, used: 0, reset: 0 },
      read: { limit: read, used: 0, reset: 0 },
    },
    rateLimit: options.rateLimit,
    now: options.now ?? Date.now,
  };
}

function toRecord(request: Request): RecordedRequest {
  const url = new URL(request.url);
  const query = [...url.searchParams].map(
    ([name, value]) => `${name}=${value}`,
  );
  return {
    method: request.method,
    path: url.pathname.startsWith(`${API}/`)
      ? url.pathname.slice(API.length)
      : url.pathname,
    query: query.join("&"),
    apiKey: request.headers.get("backlog-api-key"),
    userAgent: request.headers.get("user-agent"),
    at: performance.now(),
    aborted: false,
  };
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) action();
    isDone = true;
  };
}

async function answer(
  context: Context,
  record: RecordedRequest,
  url: URL,
): Promise<Response> {
  if (context.latencyMs > 0) await Bun.sleep(context.latencyMs);
  const isSearch = /^\/issues(\/count)?$/.test(record.path);
  const rate = isSearch ? "search" : "read";
  const isSpent = spend(context, rate);
  const headers = toRateHeaders(context, rate);
  try {
    if (isSpent) throw new Refusal(429, 13, "Too many requests.");
    requireReading(context, record, url);
    const value = route(context, record.path, url.searchParams);
    if (!(value instanceof Response)) return Response.json(value, { headers });
    for (const header of Object.entries(headers)) value.headers.set(...header);
    return value;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { message, code, status } = error;
    const errors = [{ message, code, moreInfo: "" }];
    return Response.json({ errors }, { status, headers });
  }
}

/** Counts one request; true when its class was used up already. */
function spend({ rates, rateLimit, now }: Context, name: RateClass): boolean {
  const rate = rates[name];
  const second = Math.floor(now() / 1000);
  if (second >= rate.reset) {
    rate.used = 0;
    rate.reset = second + (rateLimit?.resetInSeconds ?? 60);
  }
  rate.used += 1;
  return rateLimit !== undefined && rate.used > rate.limit;
}

function toRateHeaders({ rates }: Context, name: RateClass) {
  const { limit, used, reset } = rates[name];
  return {
    "X-RateLimit-Limit": `${limit}`,
    "X-RateLimit-Remaining": `${Math.max(0, limit - used)}`,
    "X-RateLimit-Reset": `${reset}`,
  };
}

function requireReading(
  { apiKey }: Context,
  record: RecordedRequest,
  { pathname, searchParams }: URL,
): void {
  const { method, path } = record;
  if (method !== "GET") throw new Refusal(405, 7, "Only GET is read.");
  if (path === pathname || path.endsWith("/")) throw missing("resource");
  if (searchParams.has("apiKey")) throw invalid("apiKey");
  if (record.apiKey !== apiKey) {
    throw new Refusal(401, 11, "Authentication failure.");
  }
}

/** `--port` of the command line; throws with what is wrong with it. */
function readPort(): number {
  const options = { port: { type: "string", default: "8787" } } as const;
  const { port } = parseArgs({ options }).values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new Error(`--port takes a number up to 65535, not "${port}"`);
  }
  return Number(port);
}

async function main(): Promise<void> {
  const space = startSampleSpace({ port: readPort() });
  const host = space.host.replace("127.0.0.1", "localhost");
  const backlog = {
    command: BINARY,
    env: { BACKLOG_DOMAIN: host, BACKLOG_API_KEY: space.apiKey },
  };
  if (!(await Bun.file(BINARY).exists())) {
    console.error(
      `There is no ${BINARY} yet: npx -y ${manifest.packageManager} run build makes it.`,
    );
  }
  process.stdout.write(
    `A sample Backlog space on ${space.url}, until Ctrl-C. Paste:\n`,
  );
  const block = JSON.stringify({ mcpServers: { backlog } }, null, 2);
  process.stdout.write(`${block}\n`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    // What follows is parseArgs' hint about "--", or Bun's question.
    const [message] = text.split(". ", 1);
    const isTaken =
      error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    console.error(
      `sample-space: ${isTaken ? "the port is taken; choose another with --port" : message}.`,
    );
    process.exitCode = 1;
  });
}
