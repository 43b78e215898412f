import { resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  type Issue,
  type ProjectData,
  type SpaceData,
  sampleData,
} from "./sample-data.ts";

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

/** A refusal in Backlog's own form. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
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

function missing(what: string): Refusal {
  return new Refusal(404, 6, `No ${what}.`);
}

function invalid(parameter: string): Refusal {
  return new Refusal(400, 7, `Invalid parameter: ${parameter}`);
}

type Kind = RegExp | ((value: string) => boolean);
type Parameters = Record<string, Kind>;

const INTEGER = /^\d{1,15}$/;
const BOOLEAN = /^(true|false)$/;
const COUNT = /^([1-9]|[1-9]\d|100)$/;
const ORDER = /^(asc|desc)$/;
const EXPAND = { "expand[]": /^childIssueSummary$/ };

const ISSUE_PARAMETERS: Parameters = {
  ...each(/^/, "keyword"),
  ...each(INTEGER, "projectId[] issueTypeId[] categoryId[] versionId[]"),
  ...each(INTEGER, "milestoneId[] statusId[] priorityId[] assigneeId[]"),
  ...each(INTEGER, "createdUserId[] resolutionId[] id[] parentIssueId[]"),
  ...each(INTEGER, "offset"),
  ...each(isDay, "createdSince createdUntil updatedSince updatedUntil"),
  ...each(isDay, "startDateSince startDateUntil dueDateSince dueDateUntil"),
  ...each(BOOLEAN, "attachment sharedFile hasDueDate"),
  parentChild: /^[0-4]$/,
  count: COUNT,
  order: ORDER,
  sort: (name) => Object.hasOwn(SORTS, name) || /^customField_\d+$/.test(name),
};

const COMMENT_PARAMETERS: Parameters = {
  minId: INTEGER,
  maxId: INTEGER,
  count: COUNT,
  order: ORDER,
};

function each(kind: Kind, names: string): Parameters {
  return Object.fromEntries(names.split(" ").map((name) => [name, kind]));
}

function isDay(value: string): boolean {
  const instant = Date.parse(`${value}T00:00:00Z`);
  return (
    /^\d{4}-\d\d-\d\d$/.test(value) &&
    !Number.isNaN(instant) &&
    new Date(instant).toISOString().startsWith(value)
  );
}

type Query = Map<string, string[]>;

/** The query by name; whatever the endpoint does not know is refused. */
function parseQuery(sent: URLSearchParams, parameters: Parameters): Query {
  const query: Query = new Map();
  for (const [name, value] of sent) {
    const kind = Object.hasOwn(parameters, name)
      ? parameters[name]
      : toCustomKind(name, parameters);
    const fits =
      kind instanceof RegExp ? kind.test(value) : (kind?.(value) ?? false);
    const values = query.get(name) ?? [];
    if (!fits || (values.length > 0 && !name.endsWith("[]"))) {
      throw invalid(name);
    }
    query.set(name, [...values, value]);
  }
  return query;
}

function toCustomKind(name: string, parameters: Parameters): Kind | undefined {
  const [, suffix] = CUSTOM_FIELD.exec(name)?.slice(1) ?? [];
  if (suffix === undefined || !("keyword" in parameters)) return undefined;
  if (suffix === "") return /./;
  if (suffix === "[]") return INTEGER;
  return (value) => isDay(value) || /^-?\d+(\.\d+)?$/.test(value);
}

const CUSTOM_FIELD = /^customField_(\d+)(_min|_max|\[\]|)$/;

function first(query: Query, name: string): string | undefined {
  return query.get(name)?.[0];
}

function toNumber(query: Query, name: string): number | undefined {
  const value = first(query, name);
  return value === undefined ? undefined : Number(value);
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
  const issues = selectIssues(context, query);
  const toValue = toSort(context.data, first(query, "sort") ?? "updated");
  const sign = first(query, "order") === "asc" ? 1 : -1;
  const rows = issues.map((issue) => ({ issue, value: toValue(issue) }));
  rows.sort(
    (a, b) =>
      compare(a.value, b.value, sign) || (a.issue.id - b.issue.id) * sign,
  );
  const offset = toNumber(query, "offset") ?? 0;
  const count = toNumber(query, "count") ?? 20;
  const page = rows.slice(offset, offset + count).map(({ issue }) => issue);
  return expand(context, query, page);
}

type Value = string | number | null | undefined;

/** Where Backlog puts the empty ones is not documented; here they are last. */
function compare(a: Value, b: Value, sign: number): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return a < b ? -sign : sign;
}

const SORTS: Record<string, (issue: Issue) => Value> = {
  issueType: (issue) => issue.issueType.displayOrder,
  category: (issue) => issue.category[0]?.name,
  version: (issue) => issue.versions[0]?.name,
  milestone: (issue) => issue.milestone[0]?.name,
  summary: (issue) => issue.summary,
  status: (issue) => issue.status.displayOrder,
  priority: (issue) => issue.priority?.id,
  attachment: (issue) => issue.attachments.length,
  sharedFile: (issue) => issue.sharedFiles.length,
  created: (issue) => issue.created,
  createdUser: (issue) => issue.createdUser.name,
  updated: (issue) => issue.updated,
  updatedUser: (issue) => issue.updatedUser?.name,
  assignee: (issue) => issue.assignee?.name,
  startDate: (issue) => issue.startDate,
  dueDate: (issue) => issue.dueDate,
  estimatedHours: (issue) => issue.estimatedHours,
  actualHours: (issue) => issue.actualHours,
  childIssue: (issue) => issue.parentIssueId,
};

function toSort(data: SpaceData, name: string): (issue: Issue) => Value {
  const sort = SORTS[name];
  if (sort) return sort;
  const id = Number(name.slice("customField_".length));
  requireCustomField(data, id, "sort");
  return (issue) => customValues(issue, id)[0];
}

function requireCustomField(data: SpaceData, id: number, name: string): void {
  const isKnown = data.projects.some(({ customFields }) =>
    customFields?.some((field) => field.id === id),
  );
  if (!isKnown) throw invalid(name);
}

/** A custom field's text, number and item IDs. */
function customValues(issue: Issue, id: number): (string | number)[] {
  const value = issue.customFields.find((field) => field.id === id)?.value;
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((item) => item.id);
  return typeof value === "object" ? [value.id] : [value];
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

type Test = (issue: Issue) => boolean;

/** The issues that pass every filter of the query. */
function selectIssues(context: Context, query: Query): Issue[] {
  const visible = visibleProjects(context);
  const projectIds = query.get("projectId[]");
  const asked = projectIds
    ? projectIds.map((id) => {
        const owner = visible.find(({ project }) => `${project.id}` === id);
        if (!owner) throw missing("project");
        return owner;
      })
    : visible;
  if (context.switches.mixedStatuses === "refused") {
    const known = new Set(
      asked.flatMap(({ statuses }) => statuses.map(({ id }) => `${id}`)),
    );
    const ids = query.get("statusId[]") ?? [];
    if (!ids.every((id) => known.has(id))) throw invalid("statusId[]");
  }
  const owners = new Set(asked.map(({ project }) => project.id));
  const tests: Test[] = [({ projectId }) => owners.has(projectId)];
  for (const [name, values] of query) {
    const test =
      toIdTest(name, values) ??
      toDayTest(context.data, name, values[0] ?? "") ??
      toOtherTest(context.data, name, values[0] ?? "") ??
      toCustomTest(context.data, name, values);
    if (test) tests.push(test);
  }
  return context.data.issues.filter((issue) =>
    tests.every((test) => test(issue)),
  );
}

const IDS: Record<string, (issue: Issue) => (number | null | undefined)[]> = {
  "issueTypeId[]": (issue) => [issue.issueType.id],
  "categoryId[]": (issue) => issue.category.map(({ id }) => id),
  "versionId[]": (issue) => issue.versions.map(({ id }) => id),
  "milestoneId[]": (issue) => issue.milestone.map(({ id }) => id),
  "statusId[]": (issue) => [issue.status.id],
  "priorityId[]": (issue) => [issue.priority?.id],
  "assigneeId[]": (issue) => [issue.assignee?.id],
  "createdUserId[]": (issue) => [issue.createdUser.id],
  "resolutionId[]": (issue) => [issue.resolution?.id],
  "id[]": (issue) => [issue.id],
  "parentIssueId[]": (issue) => [issue.parentIssueId],
};

function toIdTest(name: string, values: string[]): Test | undefined {
  const toIds = IDS[name];
  if (!toIds) return undefined;
  const wanted = new Set<number | null | undefined>(values.map(Number));
  return (issue) => toIds(issue).some((id) => wanted.has(id));
}

/** Both ends count; instants are compared by the day in the space's zone. */
function toDayTest(data: SpaceData, name: string, day: string) {
  const match = /^(created|updated|startDate|dueDate)(Since|Until)$/.exec(name);
  if (!match) return undefined;
  const [, field, end] = match;
  const toOffset = toZoneOffset(data.space.timezone);
  const isDate = field === "startDate" || field === "dueDate";
  const next = new Date(Date.parse(day) + 86_400_000).toISOString();
  const edge = `${end === "Since" ? day : next.slice(0, 10)}T00:00:00Z`;
  const start = isDate ? edge : moveBy(edge, -toOffset(edge));
  return (issue: Issue) => {
    const stored = toStored(issue, field);
    if (stored === null) return false;
    // Older records have midnight of the space's zone instead of UTC.
    const value =
      isDate && !stored.endsWith("T00:00:00Z")
        ? moveBy(stored, toOffset(stored))
        : stored;
    return end === "Since" ? value >= start : value < start;
  };
}

function toStored(issue: Issue, field: string | undefined): string | null {
  switch (field) {
    case "created":
      return issue.created;
    case "updated":
      return issue.updated;
    case "startDate":
      return issue.startDate;
    default:
      return issue.dueDate;
  }
}

function moveBy(instant: string, milliseconds: number): string {
  const moved = new Date(Date.parse(instant) + milliseconds).toISOString();
  return `${moved.slice(0, 19)}Z`;
}

/** How far ahead of UTC the zone is at an instant. */
function toZoneOffset(timeZone: string): (instant: string) => number {
  const options = { timeZone, timeZoneName: "longOffset" } as const;
  const format = new Intl.DateTimeFormat("en-US", options);
  return (instant) => {
    const text = format.format(Date.parse(instant));
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(text) ?? [];
    if (sign === undefined) return 0;
    const size = (Number(hours) * 60 + Number(minutes)) * 60_000;
    return sign === "-" ? -size : size;
  };
}

function toOtherTest(
  data: SpaceData,
  name: string,
  value: string,
): Test | undefined {
  const wanted = value === "true";
  switch (name) {
    case "keyword": {
      const word = value.toLowerCase();
      return ({ summary, description }) =>
        summary.toLowerCase().includes(word) ||
        description.toLowerCase().includes(word);
    }
    case "attachment":
      return (issue) => issue.attachments.length > 0 === wanted;
    case "sharedFile":
      return (issue) => issue.sharedFiles.length > 0 === wanted;
    case "hasDueDate":
      return (issue) => (issue.dueDate !== null) === wanted;
    case "parentChild":
      return toFamilyTest(data, value);
    default:
      return undefined;
  }
}

function toFamilyTest(data: SpaceData, value: string): Test {
  const parents = new Set(data.issues.map((issue) => issue.parentIssueId));
  switch (value) {
    case "1":
      return (issue) => issue.parentIssueId === null;
    case "2":
      return (issue) => issue.parentIssueId !== null;
    case "3":
      return ({ id, parentIssueId }) =>
        parentIssueId === null && !parents.has(id);
    case "4":
      return ({ id }) => parents.has(id);
    default:
      return () => true;
  }
}

function toCustomTest(
  data: SpaceData,
  name: string,
  values: string[],
): Test | undefined {
  const match = CUSTOM_FIELD.exec(name);
  if (!match) return undefined;
  const id = Number(match[1]);
  requireCustomField(data, id, name);
  const [wanted = ""] = values;
  const limit = isDay(wanted) ? wanted : Number(wanted);
  return (issue) =>
    customValues(issue, id).some((stored) => {
      const value =
        typeof limit === "string" ? `${stored}`.slice(0, 10) : stored;
      if (match[2] === "_min") return value >= limit;
      if (match[2] === "_max") return value <= limit;
      if (match[2] === "[]") return values.includes(`${stored}`);
      return typeof stored === "string"
        ? stored.toLowerCase().includes(wanted.toLowerCase())
        : `${stored}` === wanted;
    });
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: "string" } } });
  const space = startSampleSpace({ port: Number(values.port ?? 8787) });
  const host = space.host.replace("127.0.0.1", "localhost");
  const backlog = {
    command: resolve(import.meta.dir, "../dist/backlog-mcp"),
    env: { BACKLOG_DOMAIN: host, BACKLOG_API_KEY: space.apiKey },
  };
  process.stdout.write(
    `A sample Backlog space on ${space.url}, until Ctrl-C. Paste:\n`,
  );
  const block = JSON.stringify({ mcpServers: { backlog } }, null, 2);
  process.stdout.write(`${block}\n`);
}
