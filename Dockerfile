FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
WORKDIR /source
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY src ./src
RUN dotnet publish src/Host -c Release --use-current-runtime --self-contained false -p:PublishReadyToRun=true -p:DebugType=none -o /app

# Chiselled: no shell and no package manager, and a user who is not root.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled
WORKDIR /app
COPY --from=build /app ./
USER 1654
EXPOSE 8000
# Long enough for a proxy to see that the server goes; docker stop waits 10 seconds.
ENV LLMRING_DRAIN_SECONDS=3
# Migrations of a large database run before the server listens.
HEALTHCHECK --start-period=30m --interval=10s --timeout=5s --retries=6 CMD ["/app/llmring-server", "health"]
ENTRYPOINT ["/app/llmring-server"]
CMD ["serve", "--env", "prod", "--host", "0.0.0.0", "--port", "8000"]
