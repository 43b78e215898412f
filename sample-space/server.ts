import { plus, type SpaceData, sampleData } from "./data.ts";
import { missing, refusal } from "./filter.ts";
import { route, SWITCHES, type Switches } from "./routes.ts";

export type { Switches } from "./routes.ts";

/** What a free plan allows in a minute. */
export const FREE_PLAN = { search: 15, read: 60 };
const PAID_PLAN = { search: 150, read: 600 };

export type SampleSpaceOptions = {
  data?: SpaceData;
  apiKey?: string;
  port?: number;
  tls?: { key: string; cert: string };
  switches?: Partial<Switches>;
  latencyMs?: number;
  /** Without it requests are counted against 150/600, but never refused. */
  rateLimit?: typeof FREE_PLAN;
  /** May answer instead of the space; called once the request is recorded. */
  answer?: (
    request: Request,
    path: string,
  ) => Response | undefined | Promise<Response | undefined>;
};

export type RecordedRequest = ReturnType<typeof toRecord> & {
  answeredAt?: number;
  status?: number;
};

export type SampleSpace = ReturnType<typeof startSampleSpace>;

/** A Backlog space on localhost that answers reads as the real one would. */
export function startSampleSpace(options: SampleSpaceOptions = {}) {
  const { apiKey = "sample-key-0123456789abcdefghijklmnop", tls } = options;
  const answer = toAnswer(apiKey, options);
  const requests: RecordedRequest[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: options.port ?? 0,
    // The default would cut off answers that are slow on purpose.
    idleTimeout: 0,
    ...(tls && { tls }),
    async fetch(request) {
      const record: RecordedRequest = toRecord(request);
      requests.push(record);
      const underWay = requests.filter(
        ({ answeredAt, aborted }) => answeredAt === undefined && !aborted,
      );
      space.peak = Math.max(space.peak, underWay.length);
      request.signal.addEventListener("abort", () => {
        record.aborted = record.answeredAt === undefined;
      });
      const response =
        (await options.answer?.(request, record.path)) ??
        (await answer(record, new URL(request.url)));
      if (record.aborted) return response;
      record.answeredAt = performance.now();
      record.status = response.status;
      return response;
    },
  });
  const host = `127.0.0.1:${server.port}`;
  const stop = () => server.stop(true);
  const space = {
    url: `${tls ? "https" : "http"}://${host}`,
    host,
    apiKey,
    requests,
    /** How many requests were under way at once. */
    peak: 0,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return space;
}

/** Plain values, because Bun empties a Request once it is answered. */
function toRecord({ method, url, headers }: Request) {
  const { pathname, searchParams } = new URL(url);
  const query = [...searchParams].map((pair) => pair.join("="));
  return {
    method,
    path: pathname.replace(/^\/api\/v2(?=\/)/, ""),
    query: query.join("&"),
    apiKey: headers.get("backlog-api-key"),
    userAgent: headers.get("user-agent"),
    at: performance.now(),
    aborted: false,
  };
}

function toAnswer(apiKey: string, options: SampleSpaceOptions) {
  const { data = sampleData(), latencyMs = 0, rateLimit } = options;
  const switches = { ...SWITCHES, ...options.switches };
  const toRate = (limit: number) => ({ limit, remaining: limit, reset: 0 });
  const { read, search } = rateLimit ?? PAID_PLAN;
  const rates = {
    ...{ read: toRate(read), search: toRate(search) },
    ...{ update: toRate(150), icon: toRate(60) },
  };
  return async (record: RecordedRequest, { pathname, searchParams }: URL) => {
    const { method, path } = record;
    if (latencyMs > 0) await Bun.sleep(latencyMs);
    const second = Math.floor(Date.now() / 1000);
    for (const rate of Object.values(rates)) {
      if (second < rate.reset) continue;
      Object.assign(rate, { remaining: rate.limit, reset: second + 60 });
    }
    const isSearch = /^\/issues(\/count)?$/.test(path);
    const rate = rates[isSearch ? "search" : "read"];
    const isSpent = rateLimit && rate.remaining === 0;
    rate.remaining = Math.max(0, rate.remaining - 1);
    const response = respond(switches, () => {
      if (isSpent) throw refusal(429, 13, "Too many requests.");
      if (method !== "GET") throw refusal(405, 7, "Only GET is read.");
      if (path === pathname) throw missing("resource");
      if (record.apiKey !== apiKey) {
        throw refusal(401, 11, "Authentication failure.");
      }
      return route({ data, switches, rates }, path, searchParams);
    });
    for (const [name, value] of Object.entries(rate)) {
      response.headers.set(`X-RateLimit-${name}`, `${value}`);
    }
    return response;
  };
}

/** What a handler returns or throws, as an answer. */
function respond({ olderDates }: Switches, handle: () => unknown): Response {
  try {
    const value = handle();
    if (value instanceof Response) return value;
    const headers = { "Content-Type": "application/json;charset=utf-8" };
    const text = JSON.stringify(value);
    const older = text.replace(
      /"([\d-]{10})T00:00:00Z"/g,
      (_, day) => `"${plus(day, -9 * 3600)}"`,
    );
    return new Response(olderDates ? older : text, { headers });
  } catch (error) {
    if (error instanceof Response) return error;
    throw error;
  }
}
