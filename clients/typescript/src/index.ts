// A simulated OCI region for tests: started once, the same before each test, and gone at the end, even if the test runner is killed.
//
// It needs the program `oci-insta-scale` and no package.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** How a region is started. */
export interface RegionOptions {
  /** The program; by default that of OCI_INSTA_SCALE_PROGRAM, or `oci-insta-scale` on the PATH. */
  program?: string;
  /** The scenario: a name or a file. */
  scenario?: string;
  /** Simulated seconds per second; 600 by default. */
  speed?: number;
  /** The seed of everything that is random. */
  seed?: number;
  /** Further arguments of `sim serve`. */
  arguments?: string[];
}

/** How long a region may take to listen; a large one makes its hosts first. */
const READY_WITHIN_MS = 60_000;
/** How long open requests have to finish at the end. */
const ENDS_WITHIN_MS = 20_000;

/** One process of `oci-insta-scale sim serve`. */
export class Region {
  private constructor(
    /** The base URL. */
    readonly endpoint: string,
    /** A file like `~/.oci/config` with the user of the region. */
    readonly configFile: string,
    /** What a launch needs: `compartment_id`, `subnet_id`, `image_id`, `shape`, … */
    readonly settings: Readonly<Record<string, string>>,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  /** Starts a region and waits until it is ready. */
  static async start(options: RegionOptions = {}): Promise<Region> {
    const folder = mkdtempSync(join(tmpdir(), "oci-region-"));
    const [home, ready, log] = [join(folder, "region"), join(folder, "ready.json"), join(folder, "region.log")];
    const program = options.program ?? process.env["OCI_INSTA_SCALE_PROGRAM"] ?? "oci-insta-scale";
    const words = ["--listen", "127.0.0.1:0", "--home", home, "--ready-file", ready];
    words.push("--parent-pid", String(process.pid), "--speed", String(options.speed ?? 600));
    if (options.scenario !== undefined) words.push("--scenario", options.scenario);
    if (options.seed !== undefined) words.push("--seed", String(options.seed));
    const errors = openSync(log, "w");
    const child = spawn(program, ["sim", "serve", ...words, ...(options.arguments ?? [])], {
      stdio: ["ignore", "ignore", errors],
    });
    closeSync(errors);
    let failed: Error | undefined;
    child.on("error", (error) => (failed = error));
    const end = Date.now() + READY_WITHIN_MS;
    while (!existsSync(ready)) {
      const said = () => readFileSync(log, "utf8");
      if (failed !== undefined) failed = new Error(`${program} cannot be started: ${failed.message}`);
      else if (child.exitCode !== null) failed = new Error(`the region ended with code ${child.exitCode}: ${said()}`);
      else if (Date.now() > end) failed = new Error(`the region was not ready within ${READY_WITHIN_MS / 1000} s: ${said()}`);
      if (failed !== undefined) {
        child.kill();
        rmSync(folder, { recursive: true, force: true });
        throw failed;
      }
      await sleep(10);
    }
    const { endpoint } = JSON.parse(readFileSync(ready, "utf8")) as { endpoint: string };
    return new Region(endpoint, join(home, "config"), flat(join(home, "config.yaml")), folder, child);
  }

  /** Makes the region what it was when it was ready. */
  async reset(): Promise<void> {
    await this.post("/_sim/reset");
  }

  /** Keeps the region as it is, with its time, faults and policies. */
  async snapshot(name: string): Promise<void> {
    await this.post("/_sim/snapshots", { name });
  }

  /** Makes the region what it was at a snapshot. */
  async restore(name: string): Promise<void> {
    await this.post("/_sim/restore", { name });
  }

  /** Moves simulated time forward. */
  async advance(seconds: number): Promise<void> {
    await this.post("/_sim/advance", { seconds });
  }

  /** Replaces all fault rules; without rules, nothing fails any more. Rules are as in a scenario. */
  async faults(...rules: object[]): Promise<void> {
    await this.post("/_sim/faults", { replace: rules });
  }

  /** A document about the simulation: `region.get("/_sim/stats")`. */
  async get(path: string): Promise<unknown> {
    return JSON.parse(await this.ask("GET", path));
  }

  /** Asks the simulation for something; returns the text of the response. */
  async post(path: string, body: object = {}): Promise<string> {
    return this.ask("POST", path, JSON.stringify(body));
  }

  private ask(method: string, path: string, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      // node:http knows no proxy, so that none comes between a client and a server on loopback.
      const asked = request(this.endpoint + path, { method, headers, timeout: 30_000 }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      });
      asked.on("timeout", () => asked.destroy(new Error(`${method} ${path}: no response within 30 s`)));
      asked.on("error", reject);
      asked.end(body);
    });
  }

  /** Ends the region and deletes its files. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, "exit");
      const late = setTimeout(() => this.child.kill("SIGKILL"), ENDS_WITHIN_MS);
      this.child.kill("SIGTERM");
      await ended;
      clearTimeout(late);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The keys with a text in the region's own config.yaml, whatever group they are in. */
function flat(path: string): Record<string, string> {
  const pairs: [string, string][] = [];
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const at = line.indexOf(": ");
    const key = line.slice(0, Math.max(at, 0)).trim();
    if (key !== "" && !key.startsWith("#")) pairs.push([key, line.slice(at + 2).trim().replace(/^["']|["']$/g, "")]);
  }
  return Object.fromEntries(pairs);
}
