/** What `deploy/` says to operators agrees with itself, with the program, and with the configurations that the cluster tests start from. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SERVER_VERSION_MIN } from "@millrace/log-jetstream";
import {
  checkOptions,
  flagOf,
  optionNames,
  readOption,
  type ServerOptions,
  variableOf,
} from "@millrace/server";
import { afterEach, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";

const DEPLOY = fileURLToPath(new URL("../deploy/", import.meta.url));
const text = (path: string): string => readFileSync(join(DEPLOY, path), "utf8");
const configurations = readdirSync(join(DEPLOY, "nats")).filter((name) => name.endsWith(".conf"));
const ZONES = ["a", "b", "c"];

type Environment = Readonly<Record<string, string>>;

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "millrace-deploy-"));
  made.push(directory);
  return directory;
}

/** Of what the configurations leave to the environment. */
function variablesWanted(): string[] {
  const used = configurations.flatMap((name) =>
    [
      ...text(`nats/${name}`)
        .replaceAll(/#.*$/gm, "")
        .matchAll(/\$(\w+)/g),
    ].map(([, variable]) => variable!),
  );
  return [...new Set(used)].sort();
}

/** What a server makes of these variables and flags. Rejects options that there are not. */
function optionsOf(environment: Environment, args: readonly string[]): ServerOptions {
  const [command, ...flags] = args;
  expect(command).toBe("serve");
  const given: Record<string, unknown> = {};
  for (const [variable, value] of Object.entries(environment)) {
    const name = optionNames.find((one) => variableOf(one) === variable);
    if (name === undefined) throw new Error(`${variable} is not a variable of millrace serve`);
    given[name] = readOption(name, value, variable);
  }
  for (let at = 0; at < flags.length; at += 2) {
    const name = optionNames.find((one) => flagOf(one) === flags[at]);
    if (name === undefined) throw new Error(`${flags[at]} is not an option of millrace serve`);
    given[name] = readOption(name, flags[at + 1] ?? "", flags[at]!);
  }
  return checkOptions(given);
}

const portOf = (address: string): number => Number(/:(\d+)$/.exec(address)?.[1]);
const portsOfUrls = (urls: string): number[] =>
  urls.match(/:\d+(?=[,\]\s]|$)/g)?.map((port) => portOf(port)) ?? [];

/** A way to run it: what the NATS servers get, and what the Millrace servers get. */
interface Deployment {
  readonly nats: Environment;
  readonly gateway: ServerOptions;
}

/** What every deployment has to keep. */
function expectToFit({ nats, gateway }: Deployment): void {
  expect(Object.keys(nats).sort()).toEqual(variablesWanted());
  expect(gateway.engine).toBe("jetstream");
  expect(new Set(portsOfUrls(gateway.nats!))).toEqual(new Set([portOf(nats["NATS_CLIENTS"]!)]));
  expect(portsOfUrls(gateway.nats!)).toHaveLength(ZONES.length);
  expect(portsOfUrls(nats["NATS_ROUTES"]!)).toEqual(ZONES.map(() => portOf(nats["NATS_ROUTES_LISTEN"]!)));
  const users = [...text("nats/common.conf").matchAll(/user: (\w+), password: \$(\w+)/g)];
  const passwords = new Map(users.map(([, user, variable]) => [user!, nats[variable!]]));
  expect(passwords.get(gateway.natsUser!)).toBe(gateway.natsPassword);
  expect(passwords.get(gateway.natsSystemUser!)).toBe(gateway.natsSystemPassword);
  // A secret in the environment is read as configuration.
  for (const [name, value] of Object.entries(nats))
    if (/PASSWORD/.test(name)) expect(value).toMatch(/^[a-z][\w-]*$/);
}

describe("systemd", () => {
  const environmentOf = (path: string): Environment =>
    Object.fromEntries(
      [...text(path).matchAll(/^(\w+)=("?)(.*)\2$/gm)].map(([, name, , value]) => [name!, value!]),
    );
  const { ZONE, ...nats } = environmentOf("systemd/nats-server.environment");
  const setting = (unit: string, name: string): string[] =>
    [...text(`systemd/${unit}`).matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value!);

  test("the environments have what the configurations and the program want", () => {
    const [start] = setting("millrace-gateway.service", "ExecStart");
    const args = start!.replace(/^\/usr\/bin\/env millrace /, "").split(" ");
    expectToFit({ nats, gateway: optionsOf(environmentOf("systemd/millrace-gateway.environment"), args) });
  });

  test("the unit of a NATS server starts from the configuration of its zone, in the directory of its state", () => {
    const [start] = setting("nats-server.service", "ExecStart");
    const configuration = /--config \/etc\/millrace\/nats\/(\S+)$/.exec(start!)?.[1];
    for (const zone of ZONES) expect(configurations).toContain(configuration!.replace("${ZONE}", zone));
    expect(ZONES).toContain(ZONE);
    expect(nats["NATS_STORE"]).toBe(`/var/lib/${setting("nats-server.service", "StateDirectory")[0]}`);
  });

  test("the files that are installed are here, and go to where the units look", () => {
    for (const unit of ["nats-server", "millrace-gateway"]) {
      const installs = [
        ...text(`systemd/${unit}.service`).matchAll(/^# {3}install .*? (deploy\/\S+) (\/\S+)/gm),
      ];
      expect(installs.map(([, from]) => from)).toEqual([
        `deploy/systemd/${unit}.environment`,
        `deploy/systemd/${unit}.service`,
      ]);
      expect([installs[0]![2]]).toEqual(setting(`${unit}.service`, "EnvironmentFile"));
      for (const [, from] of installs) expect(text(from!.replace("deploy/", ""))).not.toBe("");
    }
  });

  const hasVerify = spawnSync("systemd-analyze", ["--version"]).status === 0;
  // Machines without systemd cannot say.
  if (hasVerify) {
    test("systemd finds nothing wrong with the units", () => {
      const directory = temporaryDirectory();
      for (const unit of ["nats-server.service", "millrace-gateway.service"]) {
        // The program is not on this machine.
        const standIn = text(`systemd/${unit}`).replace("/usr/local/bin/nats-server", "/bin/true");
        writeFileSync(join(directory, unit), standIn);
        const { stderr, stdout } = spawnSync("systemd-analyze", ["verify", join(directory, unit)], {
          encoding: "utf8",
        });
        const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line.includes(unit));
        expect(complaints).toEqual([]);
      }
    }, 60_000);
  }
});

describe("compose", () => {
  interface Service {
    readonly image?: string;
    readonly command?: readonly string[];
    readonly environment: Environment;
    readonly volumes?: readonly string[];
    readonly ports?: readonly string[];
    readonly build?: { readonly context: string; readonly dockerfile: string };
    readonly depends_on?: Readonly<Record<string, unknown>>;
    readonly healthcheck?: { readonly test: readonly string[] };
  }
  const file = parse(text("compose/compose.yaml"), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
    readonly volumes: Readonly<Record<string, unknown>>;
  };
  const nats = Object.entries(file.services).filter(([name]) => name.startsWith("nats-"));
  const gateways = Object.entries(file.services).filter(([name]) => name.startsWith("millrace-"));

  test("each zone has a server of its own, started from its configuration in deploy/nats", () => {
    expect(nats.map(([name]) => name)).toEqual(ZONES.map((zone) => `nats-${zone}`));
    for (const [name, { command, volumes, image }] of nats) {
      const zone = name.slice("nats-".length);
      expect(command).toEqual(["--config", `/etc/nats/zone-${zone}.conf`]);
      expect(configurations).toContain(`zone-${zone}.conf`);
      expect(volumes).toEqual(["../nats:/etc/nats:ro", `${name}:/data`]);
      expect(Object.keys(file.volumes)).toContain(name);
      expect(image).toBe(`docker.io/library/nats:${SERVER_VERSION_MIN}-alpine`);
    }
  });

  test("servers have what they want, and agree about ports", () => {
    expect(gateways.length).toBeGreaterThan(1);
    for (const [, { environment, ports, build, depends_on: needed }] of gateways) {
      const gateway = optionsOf(environment, ["serve"]);
      for (const [, { environment: own }] of nats) expectToFit({ nats: own, gateway });
      expect(gateway.nats!.match(/[\w-]+(?=:\d)/g)).toEqual(nats.map(([name]) => name));
      expect(Object.keys(needed!)).toEqual(nats.map(([name]) => name));
      expect(ports!.map((port) => portOf(port))).toEqual([gateway.port]);
      expect(readFileSync(join(DEPLOY, "compose", build!.context, build!.dockerfile), "utf8")).toContain(
        `MILLRACE_PORT=${gateway.port}`,
      );
    }
    const published = gateways.flatMap(([, { ports }]) => ports!);
    expect(new Set(published).size).toBe(gateways.length);
    for (const [, { environment, healthcheck }] of nats) {
      expect(environment["NATS_STORE"]).toBe("/data");
      expect(healthcheck!.test.at(-1)).toBe(
        `http://127.0.0.1:${portOf(environment["NATS_MONITOR"]!)}/healthz`,
      );
    }
  });

  const natsServer = process.env["NATS_SERVER"] ?? "nats-server";
  const hasNats = spawnSync(natsServer, ["--version"]).status === 0;
  // Few machines that run the fast tests have it; the cluster tests start servers from these files.
  if (hasNats) {
    test("nats-server takes the configurations in these environments", () => {
      const directory = temporaryDirectory();
      cpSync(join(DEPLOY, "nats"), directory, { recursive: true });
      for (const [name, { environment }] of nats) {
        const configuration = join(directory, `zone-${name.slice("nats-".length)}.conf`);
        const { status, stderr } = spawnSync(natsServer, ["--config", configuration, "-t"], {
          env: { ...process.env, ...environment, NATS_STORE: join(directory, name) },
          encoding: "utf8",
        });
        expect(status, stderr).toBe(0);
      }
    });
  }
});

describe("kubernetes", () => {
  interface Named {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }
  interface Probe {
    readonly httpGet?: { readonly path: string; readonly port: string };
    readonly tcpSocket?: { readonly port: string };
  }
  interface Container {
    readonly image: string;
    readonly command?: readonly string[];
    readonly args?: readonly string[];
    readonly env: readonly Named[];
    readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
    readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
    readonly startupProbe?: Probe;
    readonly readinessProbe: Probe;
    readonly livenessProbe: Probe;
  }
  interface Resource {
    readonly kind: string;
    readonly metadata: { readonly name: string };
    // oxlint-disable-next-line typescript/no-explicit-any -- the kinds have nothing in common
    readonly spec: any;
  }
  const kustomization = parse(text("kustomization.yaml")) as {
    readonly resources: readonly string[];
    readonly configMapGenerator: readonly { readonly name: string; readonly files: readonly string[] }[];
  };
  const resources = kustomization.resources.flatMap((path) =>
    parseAllDocuments(text(path)).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Resource;
    }),
  );
  const one = (kind: string, name: string): Resource =>
    resources.find((resource) => resource.kind === kind && resource.metadata.name === name)!;
  const containerOf = (resource: Resource): Container =>
    resource.spec.template.spec.containers[0] as Container;
  const natsSet = one("StatefulSet", "nats");
  const gatewaySet = one("Deployment", "millrace");

  /** With secrets as compose has them: each by its key. */
  function environmentOf({ env }: Container): Environment {
    const known: Record<string, string> = {};
    for (const { name, value, valueFrom } of env) {
      if (valueFrom !== undefined) expect(valueFrom.secretKeyRef.name).toBe("millrace-passwords");
      const given = value ?? `${valueFrom!.secretKeyRef.key}-secret`;
      known[name] = given.replaceAll(
        /\$\((\w+)\)/g,
        (_, other: string) => known[other] ?? `unknown-${other}`,
      );
    }
    return known;
  }

  test("servers have what they want, and agree about ports", () => {
    const nats = environmentOf(containerOf(natsSet));
    const container = containerOf(gatewaySet);
    // The image listens for everybody, at its own port.
    const gateway = optionsOf(environmentOf(container), container.args!);
    expectToFit({ nats, gateway });
    const names = ZONES.map((_, ordinal) => `nats-${ordinal}.${natsSet.spec.serviceName}`);
    expect(gateway.nats!.match(/[\w.-]+(?=:\d)/g)).toEqual(names);
    expect(nats["NATS_ROUTES"]!.match(/(?<=@)[\w.-]+/g)).toEqual(names);
    expect(nats["NATS_ROUTES"]).not.toContain("unknown-");

    const ports = Object.fromEntries(
      containerOf(natsSet).ports.map(({ name, containerPort }) => [name, containerPort]),
    );
    expect(ports).toEqual({
      clients: portOf(nats["NATS_CLIENTS"]!),
      routes: portOf(nats["NATS_ROUTES_LISTEN"]!),
      monitor: portOf(nats["NATS_MONITOR"]!),
    });
    const service = one("Service", "nats").spec.ports as { name: string; port: number }[];
    expect(Object.fromEntries(service.map(({ name, port }) => [name, port]))).toEqual({
      clients: ports["clients"],
      routes: ports["routes"],
    });
    expect(container.ports).toEqual([{ name: "kinesis", containerPort: gateway.port }]);
    expect(one("Service", "millrace").spec.ports).toMatchObject([
      { port: gateway.port, targetPort: "kinesis" },
    ]);
  });

  test("the configurations of deploy/nats are mounted, one zone for each pod", () => {
    const [map] = kustomization.configMapGenerator;
    expect(map!.files).toEqual(configurations.map((name) => `nats/${name}`));
    const pod = natsSet.spec.template.spec;
    const mounts = containerOf(natsSet).volumeMounts!;
    const volume = (pod.volumes as { name: string; configMap: { name: string } }[]).find(
      ({ configMap }) => configMap.name === map!.name,
    );
    const mounted = mounts.find(({ name }) => name === volume?.name)!;
    const [shell, flag, script] = containerOf(natsSet).command!;
    expect(natsSet.spec.replicas).toBe(ZONES.length);
    for (const [ordinal, zone] of ZONES.entries()) {
      // What the pod's shell makes of it, without starting the server.
      const { stdout } = spawnSync(shell!, [flag!, script!.replace("exec nats-server", "echo")], {
        env: { ...process.env, HOSTNAME: `nats-${ordinal}` },
        encoding: "utf8",
      });
      expect(stdout.trim()).toBe(`--config ${mounted.mountPath}/zone-${zone}.conf`);
      expect(configurations).toContain(`zone-${zone}.conf`);
    }
    const environment = environmentOf(containerOf(natsSet));
    expect(mounts).toContainEqual({ name: "data", mountPath: environment["NATS_STORE"] });
    expect(natsSet.spec.volumeClaimTemplates[0].metadata.name).toBe("data");
    expect(containerOf(natsSet).image).toBe(`docker.io/library/nats:${SERVER_VERSION_MIN}-alpine`);
  });

  test("no two NATS servers share a zone, and no two go at once", () => {
    const [spread] = natsSet.spec.template.spec.topologySpreadConstraints;
    expect(spread).toMatchObject({
      topologyKey: "topology.kubernetes.io/zone",
      maxSkew: 1,
      minDomains: ZONES.length,
      whenUnsatisfiable: "DoNotSchedule",
    });
    for (const [name, set] of [
      ["nats", natsSet],
      ["millrace", gatewaySet],
    ] as const) {
      const { labels } = set.spec.template.metadata;
      expect(set.spec.selector.matchLabels).toEqual(labels);
      expect(one("PodDisruptionBudget", name).spec).toEqual({
        maxUnavailable: 1,
        selector: { matchLabels: labels },
      });
      expect(one("Service", name).spec.selector).toEqual(labels);
      for (const { labelSelector } of set.spec.template.spec.topologySpreadConstraints)
        expect(labelSelector.matchLabels).toEqual(labels);
    }
    expect(gatewaySet.spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  });

  test("probes ask ports that there are", () => {
    for (const set of [natsSet, gatewaySet]) {
      const container = containerOf(set);
      const names = container.ports.map(({ name }) => name);
      for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
        if (probe !== undefined) expect(names).toContain(probe.httpGet?.port ?? probe.tcpSocket?.port);
      }
    }
    expect(containerOf(gatewaySet).readinessProbe.httpGet!.path).toBe("/_millrace/health");
  });

  const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
  // It needs no cluster for this.
  if (hasKubectl) {
    test("kubectl puts it together with the configurations as they are", () => {
      const { stdout, stderr, status } = spawnSync("kubectl", ["kustomize", DEPLOY], { encoding: "utf8" });
      expect(status, stderr).toBe(0);
      const built = parseAllDocuments(stdout).map(
        (document) => document.toJS() as { kind: string; data?: Environment },
      );
      expect(built.find(({ kind }) => kind === "ConfigMap")!.data).toEqual(
        Object.fromEntries(configurations.map((name) => [name, text(`nats/${name}`)])),
      );
      expect(built).toHaveLength(resources.length + 1);
    }, 60_000);
  }
});
