import { mount } from "svelte";
import App from "./App.svelte";
import "./style.css";
import { createTab } from "./tab.ts";

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const target = document.querySelector("#app");
if (target !== null) mount(App, { target, props: { tab: createTab(worker) } });
