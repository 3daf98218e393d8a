// A User-Agent as people name the device: `Chrome on Linux`.

import { h } from "../dom.js";

// The first that fits: Edge and Opera name Chrome as well, and Chrome names Safari.
const BROWSERS = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]];
const LONGEST = 40;

const find = (names, agent) => names.find(([part]) => agent.includes(part))?.[1];

export function device(agent) {
  if (!agent) return h("span", { class: "soft" }, "Unknown");
  const text = [find(BROWSERS, agent), find(SYSTEMS, agent)].filter(Boolean).join(" on ");
  return h("span", { title: agent }, text || agent.slice(0, LONGEST));
}
