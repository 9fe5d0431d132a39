import { mount } from "svelte";
import Saved from "./Saved.svelte";
import "./style.css";
import OfflineWorker from "./offline-worker.ts?worker&inline";
import { createTab } from "./tab.ts";

const target = document.querySelector("#app");
const held = document.querySelector("#program")?.textContent?.trim() ?? "";
const program = held === "" ? undefined : Uint8Array.from(atob(held), (c) => c.charCodeAt(0));
if (target !== null) {
  mount(Saved, { target, props: { tab: createTab(new OfflineWorker()), program } });
}
