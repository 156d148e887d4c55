window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  docExpansion: "none",
  deepLinking: true,
  // Without this the query of the page could choose another document.
  queryConfigEnabled: false,
  // Keys end with the page: nothing is stored in the browser.
  persistAuthorization: false,
  validatorUrl: null,
});
