import * as v from "valibot";

const IdSchema = v.pipe(v.number(), v.safeInteger());
const NumberSchema = v.pipe(v.number(), v.finite());
// IDs that come as either: the reference and Nulab's own clients differ.
const TextOrNumberSchema = v.pipe(
  v.union([v.string(), NumberSchema]),
  v.transform(String),
);
const InstantSchema = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
  v.check((text) => !Number.isNaN(Date.parse(text)), "not a real instant"),
);
// Older data writes a calendar day as midnight of the space's zone, in UTC.
const DaySchema = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$/),
  v.check((text) => !Number.isNaN(Date.parse(text)), "not a real day"),
);
/** What is shown by its name; the ID tells two of one name apart. */
const NamedSchema = v.object({ id: v.nullish(IdSchema), name: v.string() });
const PersonSchema = v.object({
  ...NamedSchema.entries,
  userId: v.nullish(v.string()),
});
const ChoiceSchema = v.object({ id: IdSchema, name: v.string() });
/** A status, a category, an issue type; the days are a milestone's. */
const ProjectChoiceSchema = v.object({
  ...ChoiceSchema.entries,
  startDate: v.nullish(DaySchema),
  releaseDueDate: v.nullish(DaySchema),
});
// No list of Backlog's is longer; millions of wrong entries, each with its own
// complaint, would stop everything else for minutes.
const LONGEST_LIST = 10_000;
const list = <Entry extends v.GenericSchema>(entry: Entry) =>
  v.pipe(
    v.array(v.unknown()),
    v.maxLength(LONGEST_LIST, `at most ${LONGEST_LIST} entries`),
    v.array(entry),
  );
const nullableList = <Entry extends v.GenericSchema>(entry: Entry) =>
  v.nullish(list(entry));

const UserSchema = v.object({
  id: IdSchema,
  name: v.string(),
  userId: v.nullish(v.string()),
  mailAddress: v.nullish(v.string()),
  nulabAccount: v.nullish(v.object({ uniqueId: v.nullish(v.string()) })),
});
export type User = v.InferOutput<typeof UserSchema>;

const CustomFieldSchema = v.object({
  id: v.nullish(IdSchema),
  name: v.string(),
  value: v.nullish(
    v.union([
      v.string(),
      NumberSchema,
      NamedSchema,
      v.array(v.union([NamedSchema, v.string()])),
    ]),
  ),
  otherValue: v.nullish(v.string()),
  fieldTypeId: v.nullish(IdSchema),
});

/** https://developer.nulab.com/docs/backlog/api/2/get-issue-list/ */
const IssueRowSchema = v.object({
  id: IdSchema,
  projectId: v.nullish(IdSchema),
  // It goes into addresses and next calls, so it must be one.
  issueKey: v.pipe(v.string(), v.regex(/^[A-Z0-9_]+-\d+$/i)),
  summary: v.string(),
  status: ChoiceSchema,
  issueType: v.nullish(NamedSchema),
  priority: v.nullish(NamedSchema),
  assignee: v.nullish(PersonSchema),
  category: nullableList(NamedSchema),
  milestone: nullableList(NamedSchema),
  dueDate: v.nullish(DaySchema),
  createdUser: v.nullish(PersonSchema),
  created: v.nullish(InstantSchema),
  updated: v.nullish(InstantSchema),
  customFields: nullableList(CustomFieldSchema),
});
export type IssueRow = v.InferOutput<typeof IssueRowSchema>;

const FileSchema = v.object({
  id: v.nullish(IdSchema),
  name: v.string(),
  dir: v.nullish(v.string()),
  size: v.nullish(NumberSchema),
  createdUser: v.nullish(PersonSchema),
  created: v.nullish(InstantSchema),
});

/** https://developer.nulab.com/docs/backlog/api/2/get-issue/ */
const IssueSchema = v.object({
  ...IssueRowSchema.entries,
  description: v.nullish(v.string()),
  resolution: v.nullish(NamedSchema),
  versions: nullableList(NamedSchema),
  startDate: v.nullish(DaySchema),
  estimatedHours: v.nullish(NumberSchema),
  actualHours: v.nullish(NumberSchema),
  parentIssueId: v.nullish(IdSchema),
  updatedUser: v.nullish(PersonSchema),
  attachments: nullableList(FileSchema),
  sharedFiles: nullableList(FileSchema),
  externalFileLinks: nullableList(
    v.object({ title: v.nullish(v.string()), url: v.string() }),
  ),
  childIssueSummary: v.nullish(
    v.object({ total: NumberSchema, closed: v.nullish(NumberSchema) }),
  ),
});
export type Issue = v.InferOutput<typeof IssueSchema>;

/** https://developer.nulab.com/docs/backlog/api/2/get-comment-list/ */
const CommentSchema = v.object({
  id: IdSchema,
  created: InstantSchema,
  content: v.nullish(v.string()),
  createdUser: v.nullish(PersonSchema),
  changeLog: nullableList(
    v.object({
      field: v.string(),
      newValue: v.nullish(v.string()),
      originalValue: v.nullish(v.string()),
      attachmentInfo: v.nullish(NamedSchema),
      attributeInfo: v.nullish(
        v.object({ typeId: v.nullish(TextOrNumberSchema) }),
      ),
    }),
  ),
});
export type Comment = v.InferOutput<typeof CommentSchema>;

const RemarkSchema = v.object({
  id: v.nullish(IdSchema),
  content: v.nullish(v.string()),
});

/** One issue of several that were updated at once. */
const LinkedIssueSchema = v.object({
  id: v.nullish(IdSchema),
  key_id: IdSchema,
  title: v.nullish(v.string()),
  comment: v.nullish(RemarkSchema),
});

/** https://developer.nulab.com/docs/backlog/api/2/get-user-recent-updates/ */
const ActivitySchema = v.object({
  id: IdSchema,
  type: IdSchema,
  created: InstantSchema,
  createdUser: v.nullish(PersonSchema),
  project: v.object({ id: v.nullish(IdSchema), projectKey: v.string() }),
  content: v.nullish(
    v.object({
      id: v.nullish(IdSchema),
      key_id: v.nullish(IdSchema),
      summary: v.nullish(v.string()),
      comment: v.nullish(RemarkSchema),
      changes: nullableList(
        v.object({
          field: v.string(),
          new_value: v.nullish(TextOrNumberSchema),
          old_value: v.nullish(TextOrNumberSchema),
        }),
      ),
      link: nullableList(LinkedIssueSchema),
    }),
  ),
});
export type Activity = v.InferOutput<typeof ActivitySchema>;

/** https://developer.nulab.com/docs/backlog/api/2/get-custom-field-list/ */
const CustomFieldDefinitionSchema = v.object({
  ...ChoiceSchema.entries,
  typeId: IdSchema,
  items: nullableList(ChoiceSchema),
});
export type CustomFieldDefinition = v.InferOutput<
  typeof CustomFieldDefinitionSchema
>;

const ProjectSchema = v.object({
  id: IdSchema,
  projectKey: v.string(),
  name: v.nullish(v.string()),
  archived: v.nullish(v.boolean()),
});
export type Project = v.InferOutput<typeof ProjectSchema>;

const LimitSchema = v.object({
  limit: NumberSchema,
  remaining: NumberSchema,
  reset: v.nullish(NumberSchema),
});

/** The shapes this program reads; what Backlog adds besides falls away. */
export const Responses = {
  issue: IssueSchema,
  issueRow: IssueRowSchema,
  issueRows: list(IssueRowSchema),
  comments: list(CommentSchema),
  count: v.object({ count: IdSchema }),
  user: UserSchema,
  users: list(UserSchema),
  projects: list(ProjectSchema),
  choices: list(ProjectChoiceSchema),
  activities: list(ActivitySchema),
  customFields: list(CustomFieldDefinitionSchema),
  space: v.object({
    name: v.nullish(v.string()),
    timezone: v.nullish(v.string()),
  }),
  rateLimit: v.object({
    rateLimit: v.object({
      read: v.nullish(LimitSchema),
      search: v.nullish(LimitSchema),
    }),
  }),
};
export type Choice = v.InferOutput<typeof ProjectChoiceSchema>;
export type Limit = v.InferOutput<typeof LimitSchema>;

export interface LenientlyParsed<Output> {
  output: Output;
  /** What was left out for its type: field or list → how often. */
  leftOut: Map<string, number>;
}

/**
 * The value as the schema knows it, less whatever has a wrong type: a field
 * that may be missing is left out, a list's entry without a required field is
 * dropped. Changes `value`. Throws a TypeError that names the field where the
 * answer itself lacks a required one.
 */
export function parseLeniently<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): LenientlyParsed<v.InferOutput<Schema>> {
  const removals: Removals = new Map();
  for (let pass = 1; ; pass += 1) {
    const result = v.safeParse(schema, value);
    if (result.success) {
      return { output: result.output, leftOut: countLeftOut(value, removals) };
    }
    const doomed = new Map<unknown[], Set<unknown>>();
    for (const issue of result.issues) {
      remove(value, issue, { removals, doomed, pass });
    }
    for (const [list, indexes] of doomed) {
      const kept = list.filter((_, index) => !indexes.has(index));
      const dropped = removals.get(list)?.get(ENTRIES)?.times ?? 0;
      record(removals, list, ENTRIES, {
        pass,
        problem: "",
        times: dropped + list.length - kept.length,
      });
      list.splice(0, list.length, ...kept);
    }
  }
}

interface Removal {
  pass: number;
  problem: string;
  times: number;
}
// By container, not by path: the indexes of a list move when entries go.
type Removals = Map<object, Map<string, Removal>>;
const ENTRIES = "[]";

/** Takes a wrong value out, or, where it may not be missing, what holds it. */
function remove(
  value: unknown,
  issue: v.BaseIssue<unknown>,
  {
    removals,
    doomed,
    pass,
  }: { removals: Removals; doomed: Map<unknown[], Set<unknown>>; pass: number },
): void {
  const keys = (issue.path ?? []).map(({ key }) => key);
  let problem = describe(toFieldName(keys), issue);
  for (let depth = keys.length; depth > 0; depth -= 1) {
    const container = valueAt(value, keys.slice(0, depth - 1));
    const key = keys[depth - 1];
    if (Array.isArray(container) && typeof key === "number") {
      const indexes = doomed.get(container) ?? new Set();
      doomed.set(container, indexes.add(key));
      return;
    }
    if (Array.isArray(container)) {
      // To valibot a list is an object that lacks every field.
      const field = toFieldName(keys.slice(0, depth - 1));
      problem = `${field}: expected an object, got a list`;
      continue;
    }
    if (!isRecord(container) || typeof key !== "string") continue;
    const earlier = removals.get(container)?.get(key);
    if (earlier?.pass === pass) return;
    if (earlier === undefined && container[key] !== undefined) {
      container[key] = undefined;
      record(removals, container, key, { pass, problem, times: 1 });
      return;
    }
    problem = earlier?.problem ?? problem;
  }
  throw new TypeError(problem);
}

function record(
  removals: Removals,
  container: object,
  key: string,
  removal: Removal,
): void {
  const own = removals.get(container) ?? new Map<string, Removal>();
  removals.set(container, own.set(key, removal));
}

/** Only what still hangs in the answer counts: the rest went with its holder. */
function countLeftOut(value: unknown, removals: Removals): Map<string, number> {
  const counts = new Map<string, number>();
  // A list of what to visit, since no stack is as deep as an answer may be.
  const toVisit: { value: unknown; path: string[] }[] = [{ value, path: [] }];
  for (const { value, path } of removals.size > 0 ? toVisit : []) {
    if (typeof value !== "object" || value === null) continue;
    for (const [key, { times }] of removals.get(value) ?? []) {
      const name =
        key === ENTRIES
          ? `entries of ${path.join(".") || "the list"}`
          : [...path, key].join(".");
      counts.set(name, (counts.get(name) ?? 0) + times);
    }
    if (path.length > DEEPEST_FIELD) continue;
    for (const [key, inner] of Object.entries(value)) {
      const step = Array.isArray(value) ? path : [...path, key];
      toVisit.push({ value: inner, path: step });
    }
  }
  return counts;
}

/** Deeper than any field that this program reads. */
const DEEPEST_FIELD = 8;

function valueAt(value: unknown, keys: readonly unknown[]): unknown {
  let inner = value;
  for (const key of keys) {
    if (Array.isArray(inner) && typeof key === "number") inner = inner[key];
    else if (isRecord(inner) && typeof key === "string") inner = inner[key];
    else return undefined;
  }
  return inner;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toFieldName(keys: readonly unknown[]): string {
  const names = keys.filter((key) => typeof key === "string");
  return names.length > 0 ? names.join(".") : "the answer";
}

const EXPECTED: Record<string, string> = {
  Array: "a list",
  Object: "an object",
  number: "a number",
  string: "a string",
};

// The value itself is not printed: it could be anything, and of any length.
function describe(field: string, issue: v.BaseIssue<unknown>): string {
  if (issue.input === undefined) return `${field} is missing`;
  if (issue.type === "max_length") return `${field}: expected ${issue.message}`;
  const expected = EXPECTED[issue.expected ?? ""] ?? "another form";
  return `${field}: expected ${expected}, got ${kindOf(issue.input)}`;
}

/** JSON's word for a value's kind. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
