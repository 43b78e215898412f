import { noProject, withheld } from "./errors.ts";
import type { Query } from "./http.ts";
import type { IssueRow, Project } from "./responses.ts";

/** What a filter asks of Backlog, and where it says what it did. */
interface Around {
  notes: Set<string>;
  readProjects: () => Promise<Project[]>;
  readIssue: (idOrKey: string) => Promise<unknown>;
}

/**
 * Of one call: what BACKLOG_PROJECTS lets through, decided by the keys that come
 * back. Without such a list everything passes, and nothing is asked for it.
 */
export class ProjectFilter {
  readonly #allowed: ReadonlySet<string> | undefined;
  readonly #around: Around;
  #shown: Promise<Project[]> | undefined;
  /** By ID or key; rejects where the issue may not be shown. */
  readonly #issues = new Map<string, Promise<unknown>>();
  #leftOut = 0;

  constructor(keys: readonly string[] | undefined, around: Around) {
    this.#allowed = keys && new Set(keys.map((key) => key.toUpperCase()));
    this.#around = around;
  }

  get isInForce(): boolean {
    return this.#allowed !== undefined;
  }

  /** Those allowed that Backlog shows; undefined: all are allowed. */
  async projects(): Promise<Project[] | undefined> {
    if (!this.#allowed) return undefined;
    this.#shown ??= this.#readProjects([...this.#allowed]);
    return await this.#shown;
  }

  async #readProjects(allowed: readonly string[]): Promise<Project[]> {
    // Without a key in the list there is nothing to ask for.
    const all = allowed.length > 0 ? await this.#around.readProjects() : [];
    const shown = all.filter(({ projectKey }) => this.#allows(projectKey));
    const keys = shown.map(({ projectKey }) => projectKey.toUpperCase());
    const absent = allowed.filter((key) => !keys.includes(key));
    if (shown.length === 0) throw noProject(absent);
    if (absent.length > 0) {
      this.#around.notes.add(
        `BACKLOG_PROJECTS names ${absent.join(", ")}, which Backlog does not show to this key.`,
      );
    }
    return shown;
  }

  /** The same query within the projects allowed; undefined: none is left. */
  async within(query: Query): Promise<Query | undefined> {
    const allowed = await this.projects();
    if (!allowed) return query;
    const asked = new Set([query.projectId ?? []].flat().map(String));
    const left = allowed.filter(
      ({ id }) => asked.size === 0 || asked.has(String(id)),
    );
    const { notes } = this.#around;
    if (left.length === 0) {
      notes.add(
        "No project is left of those asked for, so nothing was searched: BACKLOG_PROJECTS leaves them out, or they do not exist.",
      );
      return undefined;
    }
    const keys = left.map(({ projectKey }) => projectKey).join(", ");
    notes.add(`Only projects that BACKLOG_PROJECTS allows are read: ${keys}.`);
    return { ...query, projectId: left.map(({ id }) => id) };
  }

  /** `/projects/WEB`. Throws where that project may not be shown. */
  async toProjectPath(idOrKey: string | number): Promise<string> {
    const path = `/projects/${idOrKey}`;
    const isAllowed = (await this.projects())?.some(({ id, projectKey }) =>
      [String(id), projectKey].includes(String(idOrKey)),
    );
    if (isAllowed === false) throw withheld(path);
    return path;
  }

  /** The issue. Throws where it may not be shown, whatever it was asked by. */
  issue<Issue extends { issueKey: string }>(
    idOrKey: string,
    read: (path: string) => Promise<Issue>,
  ): Promise<Issue> {
    const asking = (async () => {
      const path = this.#toIssuePath(idOrKey);
      const [issue] = await Promise.all([read(path), this.projects()]);
      // An ID says nothing of the project, and an issue may have moved.
      if (!this.#allows(issue.issueKey)) throw withheld(path);
      return issue;
    })();
    this.#issues.set(idOrKey, asking);
    return asking;
  }

  /** What belongs to an issue, once that is known to be one to show. */
  async ofIssue<Value>(
    idOrKey: string,
    read: (path: string) => Promise<Value>,
  ): Promise<Value> {
    const path = this.#toIssuePath(idOrKey);
    if (!this.#allowed) return await read(path);
    const known = this.#issues.get(idOrKey) ?? this.#around.readIssue(idOrKey);
    const [value] = await Promise.all([read(path), known]);
    return value;
  }

  #toIssuePath(idOrKey: string): string {
    if (this.#allowed?.size === 0) throw noProject([]);
    const path = `/issues/${idOrKey}`;
    const isId = /^\d+$/.test(idOrKey);
    if (!isId && !this.#allows(idOrKey)) throw withheld(path);
    return path;
  }

  issues(rows: readonly IssueRow[]): IssueRow[] {
    const shown = this.only(rows, ({ issueKey }) => issueKey);
    for (const { id, issueKey } of this.#allowed ? shown : []) {
      this.#issues.set(String(id), Promise.resolve());
      this.#issues.set(issueKey, Promise.resolve());
    }
    return shown;
  }

  /** Less the changes in which an issue of another project is named. */
  changes<Change extends { field: string }>(
    changes: Change[] | null | undefined,
    toValues: (change: Change) => (string | null | undefined)[],
  ): Change[] | null | undefined {
    return (
      changes &&
      this.only(changes, (change) =>
        WITHOUT_ISSUES.has(change.field)
          ? undefined
          : toValues(change)
              .flatMap((value) => value?.match(ISSUE_KEYS) ?? [])
              .find((key) => !this.#allows(key)),
      )
    );
  }

  /** Less the entries of other projects, which are counted. */
  only<Entry>(
    entries: readonly Entry[],
    toKey: (entry: Entry) => string | undefined,
  ): Entry[] {
    const shown = entries.filter((entry) => {
      const key = toKey(entry);
      return key === undefined || this.#allows(key);
    });
    if (shown.length < entries.length) {
      const { notes } = this.#around;
      notes.delete(toNote(this.#leftOut));
      this.#leftOut += entries.length - shown.length;
      notes.add(toNote(this.#leftOut));
    }
    return shown;
  }

  /** Of a project's key, or an issue's. */
  #allows(key: string): boolean {
    const project = key.replace(/-\d+$/, "").toUpperCase();
    return this.#allowed?.has(project) ?? true;
  }
}

function toNote(times: number): string {
  const entries = times === 1 ? "1 entry" : `${times} entries`;
  return `BACKLOG_PROJECTS leaves out ${entries} of other projects.`;
}

/** Changed fields whose values look like a key at most by chance: `SPRINT-42`. */
const WITHOUT_ISSUES: ReadonlySet<string> = new Set([
  ...["summary", "description", "component", "version", "milestone", "status"],
  ...["assigner", "issueType", "startDate", "limitDate", "priority"],
  ...["resolution", "estimatedHours", "actualHours", "notification"],
  ...["attachment", "commit"],
]);
const ISSUE_KEYS = /(?<!\w)\w{1,25}-\d{1,10}(?!\w)/g;
