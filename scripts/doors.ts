import { NAME } from "../clients.ts";
import manifest from "../package.json" with { type: "json" };
import { PLACEHOLDERS } from "../places.ts";
import {
  BUNDLE_TARGETS,
  bundleName,
  isWindows,
  programName,
  type Target,
} from "./targets.ts";

/** The two tools, as those who offer the program tell of them. */
export const TOOLS = [
  {
    name: "get_issue_details",
    description: "Read one issue in full, with all its comments and changes.",
  },
  {
    name: "get_user_issue_list",
    description: "Find issues by assignee, status, project, date or keyword.",
  },
];

/** What a form asks for; its format knows one language, so a line has both. */
export const SETTINGS = [
  {
    variable: "BACKLOG_API_KEY",
    field: "api_key",
    title: "API key / APIキー",
    description:
      "Made in Backlog under Personal Settings > API. / Backlogの「個人設定」→「API」で発行します。",
    isRequired: true,
    isSecret: true,
  },
  {
    variable: "BACKLOG_DOMAIN",
    field: "domain",
    title: "Space / スペース",
    description: `Your space's address, such as ${PLACEHOLDERS.BACKLOG_DOMAIN}. / スペースのアドレス（例：${PLACEHOLDERS.BACKLOG_DOMAIN}）。`,
    isRequired: true,
    isSecret: false,
  },
  {
    variable: "USER_ID",
    field: "user_id",
    title: "User ID / ユーザーID",
    description:
      "Your numeric ID. Left empty, Backlog is asked for it. / 数字のID。空欄のままなら、Backlogに問い合わせます。",
    isRequired: false,
    isSecret: false,
  },
  {
    variable: "BACKLOG_PROJECTS",
    field: "projects",
    title: "Projects / プロジェクト",
    description:
      "The keys of the only projects to show, such as WEB,OPS. Left empty, all are shown. / 表示するプロジェクトのキー（例：WEB,OPS）。空欄なら、すべて表示します。",
    isRequired: false,
    isSecret: false,
  },
] as const;

/** What a host such as Claude Desktop reads to install and start a bundle. */
export function toBundleManifest(target: Target, repository: string) {
  const home = `https://github.com/${repository}`;
  const program = `server/${programName(target)}`;
  return {
    manifest_version: "0.3",
    name: manifest.name,
    display_name: "Backlog",
    version: manifest.version,
    description: manifest.description,
    author: { name: repository.split("/")[0], url: home },
    repository: { type: "git", url: home },
    homepage: home,
    documentation: `${home}#readme`,
    support: `${home}/issues`,
    license: manifest.license,
    keywords: ["backlog", "nulab", "issues"],
    // Issues are read from Backlog, whose maker's policy this is.
    privacy_policies: ["https://nulab.com/privacy/"],
    compatibility: { platforms: [toPlatform(target)] },
    server: {
      type: "binary",
      entry_point: program,
      mcp_config: {
        // The host that installs the bundle fills these in, and leaves those
        // that are not set as they stand.
        command: `\${__dirname}/${program}`,
        args: [],
        env: Object.fromEntries(
          SETTINGS.map(({ variable, field }) => [
            variable,
            `\${user_config.${field}}`,
          ]),
        ),
      },
    },
    user_config: Object.fromEntries(
      SETTINGS.map(({ field, title, description, isRequired, isSecret }) => [
        field,
        {
          ...{ type: "string", title, description, required: isRequired },
          ...(isSecret && { sensitive: true }),
        },
      ]),
    ),
    tools: TOOLS,
  };
}

function toPlatform(target: Target): string {
  return isWindows(target) ? "win32" : target.replace(/-.*/, "");
}

/** https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json */
const REGISTRY_SCHEMA =
  "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/** server.json, by which the MCP registry lists the bundles of one version. */
export function toRegistryEntry(
  repository: string,
  sums: ReadonlyMap<string, string>,
) {
  const home = `https://github.com/${repository}`;
  const [owner] = repository.split("/");
  const { version } = manifest;
  return {
    $schema: REGISTRY_SCHEMA,
    // The registry compares the owner's name with regard to case.
    name: `io.github.${owner}/${manifest.name}`,
    title: "Backlog",
    description: manifest.description,
    version,
    websiteUrl: home,
    repository: { url: home, source: "github" },
    packages: BUNDLE_TARGETS.map((target) => ({
      registryType: "mcpb",
      identifier: `${home}/releases/download/v${version}/${bundleName(target)}`,
      version,
      fileSha256: sums.get(bundleName(target)),
      transport: { type: "stdio" },
      environmentVariables: SETTINGS.map(
        ({ variable, description, isRequired, isSecret }) => ({
          ...{ name: variable, description, isRequired, isSecret },
          format: "string",
        }),
      ),
    })),
  };
}

/**
 * Links that install the server into a client with one click, once the program
 * is on PATH. No key is in them: VS Code asks for it, Cursor's entry leaves it
 * to the user's own file.
 */
export function toLinks(): Record<"VS Code" | "Cursor", string> {
  const asked = SETTINGS.filter(({ isRequired }) => isRequired);
  const inputs = asked.map(({ field, title, isSecret }) => ({
    ...{ type: "promptString", id: field, description: title },
    password: isSecret,
  }));
  const env = Object.fromEntries(
    asked.map(({ variable, field }) => [variable, `\${input:${field}}`]),
  );
  const server = { command: manifest.name };
  const encode = (value: unknown) => encodeURIComponent(JSON.stringify(value));
  const config = Buffer.from(JSON.stringify(server)).toString("base64");
  return {
    "VS Code": `https://vscode.dev/redirect/mcp/install?name=${NAME}&config=${encode({ type: "stdio", ...server, env })}&inputs=${encode(inputs)}`,
    Cursor: `https://cursor.com/en/install-mcp?name=${NAME}&config=${encodeURIComponent(config)}`,
  };
}
