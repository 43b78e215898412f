import { type Activity, toActivities } from "./activities.ts";
import {
  ACTIVITY_PARAMETERS,
  BOOLEAN,
  COMMENT_PARAMETERS,
  EXPAND,
  each,
  filterIssues,
  first,
  ISSUE_PARAMETERS,
  invalid,
  missing,
  NOBODY,
  type Parameters,
  parseQuery,
  type Query,
  Refusal,
  sortIssues,
  toNumber,
} from "./filter.ts";
import type { Comment, Issue, ProjectData, SpaceData } from "./shapes.ts";

/** What a space may do with a filter that its reference does not tell. */
export type Treatment = "honoured" | "refused" | "ignored" | "finds nothing";

/** What the reference leaves open about the real Backlog. */
export type Switches = {
  /** Whether `minId` and `maxId` include the ID they name. */
  idsInclusive: boolean;
  expand: "supported" | "ignored" | "refused";
  relatedIssues: boolean;
  countIncludesChanges: boolean;
  unreadableProjects: string[];
  mixedStatuses: "ignored" | "refused";
  /** `assigneeId[]=-1`. */
  nobody: Treatment;
  /** `hasDueDate=false`. */
  noDueDate: Treatment;
  customFields: Treatment;
  activities: "supported" | "refused";
  /** What `sort=priority&order=desc` begins with. */
  priorityDescends: "from the lowest" | "from the highest";
  /** How a comment's change log calls a status. */
  loggedStatuses: "names" | "IDs";
  /** Whose days `createdSince` and the like are. */
  days: "the space's" | "UTC";
  /** Whether issues of archived projects come where no project is named. */
  archivedIssues: boolean;
};

/** As Backlog seems to be. */
export const SWITCHES: Switches = {
  idsInclusive: false,
  expand: "supported",
  relatedIssues: true,
  countIncludesChanges: true,
  unreadableProjects: [],
  mixedStatuses: "ignored",
  nobody: "honoured",
  noDueDate: "honoured",
  customFields: "honoured",
  activities: "supported",
  priorityDescends: "from the lowest",
  loggedStatuses: "names",
  days: "the space's",
  archivedIssues: true,
};

export type RateClass = "search" | "read";
export type Rates = Record<
  RateClass,
  { limit: number; used: number; reset: number }
>;
type Space = { data: SpaceData; switches: Switches; rates: Rates };

/** The answer to a path and its query; throws a Refusal. */
export function route(
  space: Space,
  path: string,
  parameters: URLSearchParams,
): unknown {
  for (const [pattern, known, handle] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const [, id = "", part = ""] = match;
    return handle(space, parseQuery(parameters, known), id, part);
  }
  throw missing("resource");
}

type Handler = (
  space: Space,
  query: Query,
  id: string,
  part: string,
) => unknown;

const ROUTES: [RegExp, Parameters, Handler][] = [
  [/^\/issues$/, { ...ISSUE_PARAMETERS, ...EXPAND }, listIssues],
  [/^\/issues\/count$/, ISSUE_PARAMETERS, countIssues],
  [/^\/issues\/([^/]+)$/, EXPAND, getExpandedIssue],
  [/^\/issues\/([^/]+)\/comments$/, COMMENT_PARAMETERS, listComments],
  [/^\/issues\/([^/]+)\/comments\/count$/, {}, countComments],
  [/^\/issues\/([^/]+)\/relatedIssues$/, {}, listRelatedIssues],
  [/^\/issues\/([^/]+)\/attachments\/(\d+)$/, {}, getAttachment],
  [/^\/projects$/, each(BOOLEAN, "archived all"), listProjects],
  [/^\/projects\/([^/]+)\/activities$/, ACTIVITY_PARAMETERS, listOfProject],
  [/^\/projects\/([^/]+)\/([a-zA-Z]+)$/, {}, getProjectPart],
  [/^\/users\/myself$/, {}, getMyself],
  [/^\/users\/(\d+)\/activities$/, ACTIVITY_PARAMETERS, listOfUser],
  [/^\/users$/, {}, refuseUsers],
  [/^\/space$/, {}, ({ data }) => data.space],
  [/^\/rateLimit$/, {}, getRateLimit],
];

function refuseUsers(): never {
  throw new Refusal(403, 5, "You are not an administrator.");
}

function getMyself({ data }: Space) {
  return data.users.find(({ id }) => id === data.me);
}

function getRateLimit({ rates: { read, search } }: Space) {
  const reset = read.reset;
  return {
    rateLimit: {
      read: toRate(read),
      update: { limit: 150, remaining: 150, reset },
      search: toRate({ ...search, reset: search.reset || reset }),
      icon: { limit: 60, remaining: 60, reset },
    },
  };
}

function toRate({ limit, used, reset }: Rates["read"]) {
  return { limit, remaining: Math.max(0, limit - used), reset };
}

function visibleProjects({ data }: Pick<Space, "data">): ProjectData[] {
  return data.projects.filter(({ members }) => members.includes(data.me));
}

function getProject(space: Space, id: string): ProjectData {
  const owner = visibleProjects(space).find(
    ({ project }) => project.projectKey === id || `${project.id}` === id,
  );
  if (!owner) throw missing("project");
  return owner;
}

function getIssue(space: Space, id: string): Issue {
  const issue = space.data.issues.find(
    (candidate) => candidate.issueKey === id || `${candidate.id}` === id,
  );
  const owner = visibleProjects(space).find(
    ({ project }) => project.id === issue?.projectId,
  );
  if (!issue || !owner) throw missing("issue");
  return issue;
}

function getExpandedIssue(space: Space, query: Query, id: string) {
  return expand(space, query, [getIssue(space, id)])[0];
}

function listProjects(space: Space, query: Query) {
  const archived = first(query, "archived");
  return visibleProjects(space)
    .map(({ project }) => project)
    .filter(
      (project) => archived === undefined || `${project.archived}` === archived,
    );
}

function getProjectPart(space: Space, _: Query, id: string, part: string) {
  const owner = getProject(space, id);
  if (space.switches.unreadableProjects.includes(owner.project.projectKey)) {
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
      return space.data.users.filter(({ id }) => owner.members.includes(id));
    default:
      throw missing("resource");
  }
}

/** Entries with IDs, as `minId`, `maxId`, `count` and `order` ask for them. */
function toPage<Entry extends { id: number }>(
  { switches }: Space,
  query: Query,
  entries: Entry[],
): Entry[] {
  const minId = toNumber(query, "minId") ?? 0;
  const maxId = toNumber(query, "maxId") ?? Number.POSITIVE_INFINITY;
  const edge = switches.idsInclusive ? 0 : 1;
  const asked = entries.filter(
    ({ id }) => id >= minId + edge && id <= maxId - edge,
  );
  if (first(query, "order") !== "asc") asked.reverse();
  return asked.slice(0, toNumber(query, "count") ?? 20);
}

function toComments(space: Space, id: string): Comment[] {
  return space.data.comments.get(getIssue(space, id).id) ?? [];
}

function listComments(space: Space, query: Query, id: string) {
  const page = toPage(space, query, toComments(space, id));
  if (space.switches.loggedStatuses === "names") return page;
  return page.map((comment) => ({
    ...comment,
    changeLog: comment.changeLog?.map((change) => ({
      ...change,
      originalValue: toStatusId(space, comment, change, "originalValue"),
      newValue: toStatusId(space, comment, change, "newValue"),
    })),
  }));
}

type Change = NonNullable<Comment["changeLog"]>[number];

/** A change's old or new value; of a status the ID. */
function toStatusId(
  { data }: Space,
  { projectId }: Comment,
  change: Change,
  which: "originalValue" | "newValue",
): string | null {
  const value = change[which];
  const named = data.projects
    .find(({ project }) => project.id === projectId)
    ?.statuses.find(({ name }) => name === value);
  return change.field === "status" && named ? `${named.id}` : value;
}

function countComments(space: Space, _: Query, id: string) {
  const comments = toComments(space, id);
  const counted = space.switches.countIncludesChanges
    ? comments
    : comments.filter(({ content }) => content !== null);
  return { count: counted.length };
}

function listRelatedIssues(space: Space, _: Query, id: string) {
  if (!space.switches.relatedIssues) throw missing("resource");
  const related = space.data.related.get(getIssue(space, id).id) ?? [];
  const visible = new Set(visibleProjects(space).map((p) => p.project.id));
  return space.data.issues
    .filter((issue) => related.includes(issue.id))
    .filter((issue) => visible.has(issue.projectId))
    .map((issue) => ({ ...issue, type: "RELATES" }));
}

function getAttachment(space: Space, _: Query, id: string, fileId: string) {
  const { attachments } = getIssue(space, id);
  const file = attachments.find((candidate) => `${candidate.id}` === fileId);
  if (!file) throw missing("attachment");
  const answer = space.data.files.get(file.id);
  return answer?.() ?? new Response(`The bytes of ${file.name}.`);
}

function listOfUser(space: Space, query: Query, id: string) {
  const visible = new Set(visibleProjects(space).map((p) => p.project.id));
  return listActivities(
    space,
    query,
    ({ project, createdUser }) =>
      `${createdUser.id}` === id && visible.has(project.id),
  );
}

function listOfProject(space: Space, query: Query, id: string) {
  const { project } = getProject(space, id);
  return listActivities(space, query, (entry) => entry.project === project);
}

function listActivities(
  space: Space,
  query: Query,
  isAsked: (activity: Activity) => boolean,
) {
  if (space.switches.activities === "refused") {
    throw new Refusal(403, 5, "You do not have permission.");
  }
  const types = query.get("activityTypeId[]");
  const asked = toActivities(space.data).filter(
    (entry) => isAsked(entry) && types?.includes(`${entry.type}`) !== false,
  );
  return toPage(space, query, asked);
}

function listIssues(space: Space, query: Query) {
  const asked = toUnderstood(space, query);
  const issues = sortIssues(space.data, asked, selectIssues(space, asked));
  const offset = toNumber(query, "offset") ?? 0;
  const count = toNumber(query, "count") ?? 20;
  return expand(space, query, issues.slice(offset, offset + count));
}

function countIssues(space: Space, query: Query) {
  return { count: selectIssues(space, toUnderstood(space, query)).length };
}

/** The query as this space takes it, where the reference leaves that open. */
function toUnderstood({ switches }: Space, sent: Query): Query {
  const query: Query = new Map();
  for (const [name, values] of sent) {
    const [treatment, others] = toTreatment(switches, name, values);
    if (treatment === "refused") throw invalid(name);
    if (treatment === "honoured") query.set(name, values);
    if (treatment === "ignored" && others.length > 0) query.set(name, others);
    // No issue has an ID of 0.
    if (treatment === "finds nothing") query.set(...nothing(name, others));
  }
  if (
    first(query, "sort") === "priority" &&
    switches.priorityDescends === "from the highest"
  ) {
    query.set("order", [first(query, "order") === "asc" ? "desc" : "asc"]);
  }
  return query;
}

/** What becomes of a parameter, and what is left of it without that. */
function toTreatment(
  switches: Switches,
  name: string,
  values: string[],
): [Treatment, string[]] {
  if (name === "assigneeId[]" && values.includes(`${NOBODY}`)) {
    return [switches.nobody, values.filter((id) => id !== `${NOBODY}`)];
  }
  if (name === "hasDueDate") return [switches.noDueDate, []];
  if (name.startsWith("customField_")) return [switches.customFields, []];
  return ["honoured", values];
}

function nothing(name: string, others: string[]): [string, string[]] {
  return name === "assigneeId[]" ? [name, [...others, "0"]] : ["id[]", ["0"]];
}

function selectIssues({ data, switches }: Space, query: Query): Issue[] {
  const asked = askedProjects({ data, switches }, query);
  if (switches.mixedStatuses === "refused") {
    const known = new Set(
      asked.flatMap(({ statuses }) => statuses.map(({ id }) => `${id}`)),
    );
    const ids = query.get("statusId[]") ?? [];
    if (!ids.every((id) => known.has(id))) throw invalid("statusId[]");
  }
  const zone = switches.days === "UTC" ? "UTC" : `${data.space.timezone}`;
  return filterIssues(data, query, { projects: asked, zone });
}

function askedProjects(
  space: Pick<Space, "data" | "switches">,
  query: Query,
): ProjectData[] {
  const visible = visibleProjects(space);
  const projectIds = query.get("projectId[]");
  if (!projectIds) {
    return visible.filter(
      ({ project }) => space.switches.archivedIssues || !project.archived,
    );
  }
  return projectIds.map((id) => {
    const owner = visible.find(({ project }) => `${project.id}` === id);
    if (!owner) throw missing("project");
    return owner;
  });
}

function expand(space: Space, query: Query, issues: Issue[]): Issue[] {
  const mode = space.switches.expand;
  if (!query.has("expand[]") || mode === "ignored") return issues;
  if (mode === "refused") throw invalid("expand[]");
  const summaries = new Map(
    issues.map(({ id }) => [id, { total: 0, closed: 0 }]),
  );
  for (const { parentIssueId, status } of space.data.issues) {
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
