import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./build.ts";
import { UNTRUSTED } from "./certificate.ts";

/** Nulab's own server, in the version that the figures speak of. */
export const PEER = { name: "backlog-mcp-server", version: "0.20.4" } as const;

/** The file to start, and what its environment needs: it speaks https only. */
export type Peer = { entry: string; env: { NODE_EXTRA_CA_CERTS: string } };

/** Installs it outside this repository, running no script. */
export async function installPeer(): Promise<Peer> {
  const folder = join(tmpdir(), `backlog-mcp-bench-${PEER.version}`);
  const entry = join(folder, "node_modules", PEER.name, "build", "index.js");
  const certificate = join(folder, "cert.pem");
  await mkdir(folder, { recursive: true });
  await Bun.write(certificate, UNTRUSTED.cert);
  if (!(await Bun.file(entry).exists())) {
    await Bun.write(join(folder, "package.json"), '{ "private": true }');
    const name = `${PEER.name}@${PEER.version}`;
    const words = ["add", "--exact", "--ignore-scripts", name];
    await run([process.execPath, ...words], { cwd: folder });
  }
  return { entry, env: { NODE_EXTRA_CA_CERTS: certificate } };
}
