"use strict";

const EVERY_MS = 3000;
const element = (id) => document.getElementById(id);

function duration(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const shown = [];
  for (const [size, unit] of parts) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0 || (unit === "s" && shown.length === 0)) shown.push(`${count} ${unit}`);
  }
  return shown.slice(0, 2).join(" ");
}

function show(status) {
  element("dot").className = status.ready ? "dot good" : "dot";
  const state = status.ready ? "Running" : "Starting";
  element("state").textContent = `${state} for ${duration(status.uptime_s)} · version ${status.version}`;
  for (const name of ["organizations", "people", "people_registered", "people_on_call"]) {
    element(name).textContent = status[name].toLocaleString();
  }
  element("organizations_noun").textContent = status.organizations === 1 ? "organization" : "organizations";
  element("people_noun").textContent = status.people === 1 ? "person" : "people";
  element("figures").hidden = false;
  const servers = status.sip_servers.map((s) => `${s.host}:${s.port} (${s.transport.toUpperCase()})`);
  element("servers").hidden = servers.length === 0;
  element("servers").textContent = `Phones register at ${servers.join(", ")}.`;
}

async function look() {
  try {
    const response = await fetch("/api/v1/status", { cache: "no-store" });
    if (!response.ok) throw new Error(response.statusText);
    show(await response.json());
  } catch {
    element("dot").className = "dot bad";
    element("state").textContent = "No answer: the program is not running, or its database is away.";
  }
  setTimeout(look, document.hidden ? EVERY_MS * 5 : EVERY_MS);
}

// The commands go where this page is from, whichever port or proxy that is.
element("origin").textContent = `export MUSTER_URL=${location.origin}\n`;
look();
