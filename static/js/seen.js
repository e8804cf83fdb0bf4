// Seen: each form and each request says up to which event its page shows, for the log of who did what seeing what.

const body = document.body;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  let field = form.querySelector('input[name="seen_seq"]');
  if (!field) {
    field = document.createElement("input");
    field.type = "hidden";
    field.name = "seen_seq";
    form.append(field);
  }
  field.value = body.dataset.seq ?? "";
}, true);

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-Seen-Seq"] = body.dataset.seq ?? "";
});

// A part that was read again, or found unchanged, shows the log as of then.
document.addEventListener("htmx:afterRequest", (event) => {
  const seq = event.detail.xhr?.getResponseHeader("X-Log-Seq");
  if (seq && event.detail.successful) body.dataset.seq = seq;
});

document.addEventListener("screen:frame", () => {
  const seq = document.getElementById("frame")?.dataset.seq;
  if (seq) body.dataset.seq = seq;
});
