# One image for the three services; the command says which: producer, worker or monitor.

FROM node:24-slim AS build
WORKDIR /app
COPY . .
# Whole, since the compiler is a development dependency.
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
RUN npx tsc --build apps/producer apps/worker apps/monitor
# Again, with nothing but what the three services need when they run.
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund --omit=dev \
      --workspace @llm-engine/producer --workspace @llm-engine/worker --workspace @llm-engine/monitor
# Compiled code and manifests stay. TypeScript would come along as an optional peer of a dependency that never loads it.
RUN find packages apps -not -path '*/node_modules/*' \( -path '*/src/*' -o -name '*.tsbuildinfo' -o -name '*.test.*' \) -type f -delete \
 && rm -rf node_modules/typescript node_modules/@typescript

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/packages ./packages
COPY --from=build /app/apps/producer ./apps/producer
COPY --from=build /app/apps/worker ./apps/worker
COPY --from=build /app/apps/monitor ./apps/monitor
COPY deploy/start.sh deploy/probe.mjs ./
# Where a volume for the bytes of files is mounted: it takes over who owns it.
RUN install --directory --owner node --group node /var/lib/llm-engine
# Owned by root and run by another: a service cannot change its own code.
USER node
ENTRYPOINT ["./start.sh"]
