import type { BacklogCall } from "./backlog.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import { type Children, listDays, toFieldDay } from "./facts.ts";
import type { Query } from "./http.ts";
import {
  type Focus,
  type IssueReference,
  isContinued,
  showsThread,
} from "./issue-key.ts";
import {
  type IssueView,
  type KnownIssue,
  listRows,
  planThread,
  type Thread,
} from "./issue-text.ts";
import { differsPlainly } from "./matching.ts";
import { CLOSED, type Issue, type IssueRow, PAGE_SIZE } from "./responses.ts";
import { quote } from "./text.ts";
import { openThread, readStatuses, readThread } from "./thread.ts";

/**
 * An issue with everything about it, and as much of its thread as can be shown.
 * Whatever needs no other answer is asked for at once.
 */
export async function getIssueDetails(
  call: BacklogCall,
  asked: IssueReference & { title?: string | undefined },
  view: IssueView,
): Promise<KnownIssue> {
  const { idOrKey, focus } = asked;
  const streams = openThread(call, idOrKey, focus);
  const isWhole = !isContinued(focus);
  const [issue, related, count] = await Promise.all([
    call.getIssue(idOrKey),
    isWhole ? valueOrError(call.listRelatedIssues(idOrKey)) : [],
    showsThread(focus) ? valueOrError(call.countComments(idOrKey)) : undefined,
    ...streams.map((stream) => stream.read()),
  ]);
  noteTitles(call, issue, asked);
  const counted = call.keep("The number of comments", count);
  call.expect(counted);
  const facts = {
    issue,
    related: keepRelated(call, related),
    ...(isWhole && (await readFamily(call, issue))),
  };
  const hasRoom = planThread(facts, view);
  const plan = { focus, counted, hasRoom };
  const thread = await readThread(call, streams, plan);
  for (const { failure } of streams) call.keep("Some comments", failure);
  // What could not be read may still be there.
  if (streams.every(({ failure }) => failure === undefined)) {
    noteFocus(call, { issue, focus }, thread);
  }
  const rows = listRows(facts);
  const [spaceTimeZone, statuses] = await Promise.all([
    call.getTimeZone([
      issue.startDate,
      issue.dueDate,
      ...(issue.customFields ?? []).map(toFieldDay),
      ...rows.map(({ dueDate }) => dueDate),
      ...listDays(thread.comments),
    ]),
    readStatuses(call, [issue, ...rows], [{ ...issue, ...thread }]),
  ]);
  return { ...facts, spaceTimeZone, statuses, thread };
}

/** Says so where the issue is plainly not called what was expected. */
function noteTitles(
  call: BacklogCall,
  { issueKey, summary }: Issue,
  { title, words }: { title?: string | undefined; words?: string },
): void {
  const names = { issue_title: title, "the text around the key": words };
  for (const [name, text] of Object.entries(names)) {
    if (!text || !differsPlainly(text, summary)) continue;
    call.notes.add(
      `${name} ${quote(text, 200)} is not the title of ${issueKey}: make sure that it is the issue meant.`,
    );
  }
}

function keepRelated(
  call: BacklogCall,
  related: readonly IssueRow[] | BacklogError,
): readonly IssueRow[] {
  // An older or smaller space has no related issues at all.
  const isAbsent = related instanceof BacklogError && related.status === 404;
  return (isAbsent ? [] : call.keep("Related issues", related)) ?? [];
}

async function readFamily(call: BacklogCall, issue: Issue) {
  const { parentIssueId } = issue;
  const [parent, children] = await Promise.all([
    parentIssueId
      ? valueOrError(call.getIssueRow(`${parentIssueId}`))
      : undefined,
    valueOrError(getChildren(call, issue)),
  ]);
  return {
    parent: call.keep(`The parent (ID ${parentIssueId})`, parent),
    children: call.keep("The children", children),
  };
}

async function getChildren(
  call: BacklogCall,
  { id, childIssueSummary: told }: Issue,
): Promise<Children | undefined> {
  if (told?.total === 0) return undefined;
  const filter = { parentIssueId: [id] };
  const { entries, sent } = await call.listIssues({
    ...filter,
    sort: "created",
    order: "asc",
    count: PAGE_SIZE,
  });
  // A page that is not full holds all that the list will ever show.
  const isAll = sent.length < PAGE_SIZE;
  const { total = 0, closed } =
    told ?? (isAll ? {} : await countChildren(call, filter));
  const isListed = total <= sent.length;
  return {
    issues: entries,
    unlisted: isAll && !isListed ? total - sent.length : 0,
    total: isListed ? sent.length : total,
    closed: isListed
      ? entries.filter(({ status }) => status.id === CLOSED).length
      : closed,
  };
}

async function countChildren(call: BacklogCall, filter: Query) {
  const [total, closed] = await Promise.all([
    call.countIssues(filter),
    call.countIssues({ ...filter, statusId: [CLOSED] }),
  ]);
  return { total, closed };
}

function noteFocus(
  call: BacklogCall,
  { issue, focus }: { issue: Issue; focus: Focus },
  { comments }: Thread,
): void {
  const { issueKey: key, customFields } = issue;
  if (focus.on === "field") {
    if (customFields?.some(({ id }) => id === focus.id)) return;
    call.notes.add(`There is no custom field ${focus.id} in ${key}.`);
  }
  if (focus.on !== "comment") return;
  if (comments.some(({ id }) => id === focus.id)) return;
  const isAround = comments.length > 0 && focus.from === 0;
  const others = isAround ? "; those around its place are shown" : "";
  call.notes.add(`There is no comment ${focus.id} in ${key} now${others}.`);
}
