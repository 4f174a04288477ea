// Stands in for Stripe's script on pages of a sandbox: the same calls, a list of test cards instead of a card form.
"use strict";
(() => {
  const origin = document.currentScript.src.split("/_sim/pages/")[0];
  const cards = [
    ["pm_card_visa", "Visa 4242: works"],
    ["pm_card_authenticationRequiredOnSetup", "Visa 3155: asks for authentication"],
    ["pm_card_chargeCustomerFail", "Visa 0341: saved, later declined"],
    ["pm_card_visa_chargeDeclined", "Visa 0002: declined"],
  ];
  const field = (form, name, value) => {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  };
  window.Stripe = (publishableKey) => {
    const tenant = publishableKey.split("_test_")[1];
    const confirm = ({ elements, clientSecret, confirmParams }) => {
      const secret = clientSecret || elements.clientSecret;
      const form = document.createElement("form");
      form.method = "post";
      form.action =
        `${origin}/_sim/pages/${tenant}/element/${secret}?return_url=` + encodeURIComponent(confirmParams.return_url);
      field(form, "choice", elements.select.value);
      document.body.append(form);
      form.submit();
      return new Promise(() => {});
    };
    return {
      elements: ({ clientSecret }) => {
        const elements = { clientSecret, select: document.createElement("select"), submit: async () => ({}) };
        elements.select.setAttribute("aria-label", "Test card");
        for (const [value, text] of cards) elements.select.append(new Option(text, value));
        elements.create = () => ({
          mount: (target) =>
            (typeof target === "string" ? document.querySelector(target) : target).replaceChildren(elements.select),
          on: (name, then) => name === "ready" && setTimeout(then),
          unmount: () => elements.select.remove(),
        });
        return elements;
      },
      confirmSetup: confirm,
      confirmPayment: confirm,
    };
  };
})();
