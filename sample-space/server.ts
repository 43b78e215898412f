import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { BINARY } from "../scripts/build.ts";
import {
  type Issue,
  type ProjectData,
  type SpaceData,
  sampleData,
} from "./data.ts";
import {
  BOOLEAN,
  COMMENT_PARAMETERS,
  EXPAND,
  each,
  filterIssues,
  first,
  ISSUE_PARAMETERS,
  invalid,
  missing,
  type Parameters,
  parseQuery,
  type Query,
  Refusal,
  sortIssues,
  toNumber,
} from "./filter.ts";

/** What the reference leaves open about the real Backlog. */
export type Switches = {
  idsInclusive: boolean;
  expand: "supported" | "ignored" | "refused";
  relatedIssues: boolean;
  countIncludesChanges: boolean;
  unreadableProjects: string[];
  mixedStatuses: "ignored" | "refused";
};

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

type RateClass = "search" | "read";

type Context = {
  data: SpaceData;
  apiKey: string;
  latencyMs: number;
  switches: Switches;
  rates: Record<RateClass, { limit: number; used: number; reset: number }>;
  rateLimit: SampleSpaceOptions["rateLimit"];
  now: () => number;
};

function toContext(options: SampleSpaceOptions): Context {
  const { search = 150, read = 600 } = options.rateLimit ?? {};
  return {
    data: options.data ?? sampleData(),
    apiKey: options.apiKey ?? "sample-key-0123456789abcdefghijklmnop",
    latencyMs: options.latencyMs ?? 0,
    switches: {
      idsInclusive: false,
      expand: "supported",
      relatedIssues: true,
      countIncludesChanges: true,
      unreadableProjects: [],
      mixedStatuses: "ignored",
      ...options.switches,
    },
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
    return Response.json(route(context, record, url), {
      headers: { ...headers, "Content-Type": "application/json;charset=utf-8" },
    });
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

function route(context: Context, record: RecordedRequest, url: URL): unknown {
  const { path } = record;
  if (record.method !== "GET") throw new Refusal(405, 7, "Only GET is read.");
  if (path === url.pathname || path.endsWith("/")) throw missing("resource");
  if (url.searchParams.has("apiKey")) throw invalid("apiKey");
  if (record.apiKey !== context.apiKey) {
    throw new Refusal(401, 11, "Authentication failure.");
  }
  for (const [pattern, parameters, handle] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const query = parseQuery(url.searchParams, parameters);
    const [, id = "", part = ""] = match;
    return handle(context, query, id, part);
  }
  throw missing("resource");
}

type Handler = (
  context: Context,
  query: Query,
  id: string,
  part: string,
) => unknown;

const ROUTES: [RegExp, Parameters, Handler][] = [
  [/^\/issues$/, { ...ISSUE_PARAMETERS, ...EXPAND }, listIssues],
  [
    /^\/issues\/count$/,
    ISSUE_PARAMETERS,
    (context, query) => ({ count: selectIssues(context, query).length }),
  ],
  [
    /^\/issues\/([^/]+)$/,
    EXPAND,
    (context, query, id) => expand(context, query, [getIssue(context, id)])[0],
  ],
  [/^\/issues\/([^/]+)\/comments$/, COMMENT_PARAMETERS, listComments],
  [/^\/issues\/([^/]+)\/comments\/count$/, {}, countComments],
  [/^\/issues\/([^/]+)\/comments\/([^/]+)$/, {}, getComment],
  [/^\/issues\/([^/]+)\/relatedIssues$/, {}, listRelatedIssues],
  [
    /^\/issues\/([^/]+)\/attachments$/,
    {},
    (context, _, id) => getIssue(context, id).attachments,
  ],
  [
    /^\/issues\/([^/]+)\/sharedFiles$/,
    {},
    (context, _, id) => getIssue(context, id).sharedFiles,
  ],
  [/^\/projects$/, each(BOOLEAN, "archived all"), listProjects],
  [
    /^\/projects\/([^/]+)$/,
    {},
    (context, _, id) => getProject(context, id).project,
  ],
  [/^\/projects\/([^/]+)\/([a-zA-Z]+)$/, {}, getProjectPart],
  [
    /^\/users\/myself$/,
    {},
    ({ data }) => data.users.find(({ id }) => id === data.me),
  ],
  [/^\/users$/, {}, refuseUsers],
  [/^\/space$/, {}, ({ data }) => data.space],
  [/^\/priorities$/, {}, ({ data }) => data.priorities],
  [/^\/resolutions$/, {}, ({ data }) => data.resolutions],
  [/^\/rateLimit$/, {}, ({ rates }) => ({ rateLimit: toRates(rates) })],
];

function refuseUsers(): never {
  throw new Refusal(403, 5, "You are not an administrator.");
}

function toRates(rates: Context["rates"]) {
  const { read, search } = rates;
  const reset = read.reset;
  return {
    read: toRate(read),
    update: { limit: 150, remaining: 150, reset },
    search: toRate({ ...search, reset: search.reset || reset }),
    icon: { limit: 60, remaining: 60, reset },
  };
}

function toRate({ limit, used, reset }: Context["rates"]["read"]) {
  return { limit, remaining: Math.max(0, limit - used), reset };
}

function visibleProjects({ data }: Context): ProjectData[] {
  return data.projects.filter(({ members }) => members.includes(data.me));
}

function getProject(context: Context, id: string): ProjectData {
  const owner = visibleProjects(context).find(
    ({ project }) => project.projectKey === id || `${project.id}` === id,
  );
  if (!owner) throw missing("project");
  return owner;
}

function getIssue(context: Context, id: string): Issue {
  const issue = context.data.issues.find(
    (candidate) => candidate.issueKey === id || `${candidate.id}` === id,
  );
  const owner = visibleProjects(context).find(
    ({ project }) => project.id === issue?.projectId,
  );
  if (!issue || !owner) throw missing("issue");
  return issue;
}

function listProjects(context: Context, query: Query) {
  const archived = first(query, "archived");
  return visibleProjects(context)
    .map(({ project }) => project)
    .filter(
      (project) => archived === undefined || `${project.archived}` === archived,
    );
}

function getProjectPart(
  context: Context,
  _: Query,
  id: string,
  part: string,
): unknown {
  const owner = getProject(context, id);
  if (context.switches.unreadableProjects.includes(owner.project.projectKey)) {
    throw new Refusal(403, 5, "You do not have permission.");
  }
  switch (part) {
    case "statuses":
    case "issueTypes":
    case "categories":
    case "versions":
      return owner[part];
    case "customFields":
      return owner.customFields ?? [];
    case "users":
      return context.data.users.filter((user) =>
        owner.members.includes(user.id),
      );
    default:
      throw missing("resource");
  }
}

function listComments(context: Context, query: Query, id: string) {
  const issue = getIssue(context, id);
  const minId = toNumber(query, "minId") ?? 0;
  const maxId = toNumber(query, "maxId") ?? Number.POSITIVE_INFINITY;
  const edge = context.switches.idsInclusive ? 0 : 1;
  const comments = (context.data.comments.get(issue.id) ?? []).filter(
    (comment) => comment.id >= minId + edge && comment.id <= maxId - edge,
  );
  if (first(query, "order") !== "asc") comments.reverse();
  return comments.slice(0, toNumber(query, "count") ?? 20);
}

function countComments(context: Context, _: Query, id: string) {
  const comments = context.data.comments.get(getIssue(context, id).id) ?? [];
  const counted = context.switches.countIncludesChanges
    ? comments
    : comments.filter(({ content }) => content !== null);
  return { count: counted.length };
}

function getComment(context: Context, _: Query, id: string, commentId: string) {
  const comments = context.data.comments.get(getIssue(context, id).id) ?? [];
  const comment = comments.find((candidate) => `${candidate.id}` === commentId);
  if (!comment) throw missing("comment");
  return comment;
}

function listRelatedIssues(context: Context, _: Query, id: string) {
  if (!context.switches.relatedIssues) throw missing("resource");
  const related = context.data.related.get(getIssue(context, id).id) ?? [];
  const visible = new Set(visibleProjects(context).map((p) => p.project.id));
  return context.data.issues
    .filter((issue) => related.includes(issue.id))
    .filter((issue) => visible.has(issue.projectId))
    .map((issue) => ({ ...issue, type: "RELATES" }));
}

function listIssues(context: Context, query: Query) {
  const issues = sortIssues(context.data, query, selectIssues(context, query));
  const offset = toNumber(query, "offset") ?? 0;
  const count = toNumber(query, "count") ?? 20;
  return expand(context, query, issues.slice(offset, offset + count));
}

function selectIssues(context: Context, query: Query): Issue[] {
  const asked = askedProjects(context, query);
  if (context.switches.mixedStatuses === "refused") {
    const known = new Set(
      asked.flatMap(({ statuses }) => statuses.map(({ id }) => `${id}`)),
    );
    const ids = query.get("statusId[]") ?? [];
    if (!ids.every((id) => known.has(id))) throw invalid("statusId[]");
  }
  return filterIssues(context.data, query, asked);
}

function askedProjects(context: Context, query: Query): ProjectData[] {
  const visible = visibleProjects(context);
  const projectIds = query.get("projectId[]");
  if (!projectIds) return visible;
  return projectIds.map((id) => {
    const owner = visible.find(({ project }) => `${project.id}` === id);
    if (!owner) throw missing("project");
    return owner;
  });
}

function expand(context: Context, query: Query, issues: Issue[]): Issue[] {
  const mode = context.switches.expand;
  if (!query.has("expand[]") || mode === "ignored") return issues;
  if (mode === "refused") throw invalid("expand[]");
  const summaries = new Map(
    issues.map(({ id }) => [id, { total: 0, closed: 0 }]),
  );
  for (const { parentIssueId, status } of context.data.issues) {
    const summary = summaries.get(parentIssueId ?? 0);
    if (!summary) continue;
    summary.total += 1;
    if (status.id === 4) summary.closed += 1;
  }
  return issues.map((issue) => ({
    ...issue,
    childIssueSummary: summaries.get(issue.id),
  }));
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
