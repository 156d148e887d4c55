using System.Data.Common;
using Dapper;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The statements that read the tables <c>tools</c>, <c>resources</c> and <c>prompts</c>.</summary>
internal static class ServerFeatureStatements
{
    /// <summary>Reads a page by name, each feature with its server's id, name and URL.</summary>
    /// <remarks>Parameters: those of the query in camelCase, <c>@apiKeyId</c> and <c>@projectId</c>.</remarks>
    public static string List(Scope scope, string table, string columns, ServerFeatureQuery query)
    {
        // `@serverId is null or ...` would keep the planner off the index, so the filter is added only when given.
        var ofServer = query.ServerId is null ? "" : "and server_id = @serverId";
        return $"""
            select feature.*, server.*
            from (
                select {columns}
                from mcp_client.{table}
                where {scope.Filter} and is_active = @isActive {ofServer}
                order by name, id
                limit @limit + 1 offset @offset
            ) feature
            left join (select id, name, url from mcp_client.servers where {scope.Filter}) server on server.id = feature.server_id
            order by feature.name, feature.id
            """;
    }

    /// <summary>Maps the rows of <see cref="List"/>, whose last three columns are those of the server.</summary>
    public static Func<DbDataReader, T> ListParser<T>(DbDataReader reader, Func<T, ServerTarget?, T> withServer)
    {
        var serverColumn = reader.FieldCount - 3;
        var parseFeature = reader.GetRowParser<T>(length: serverColumn);
        var parseServer = reader.GetRowParser<ServerTarget?>(startIndex: serverColumn, returnNullIfFirstMissing: true);
        return row => withServer(parseFeature(row), parseServer(row));
    }

    /// <summary>Reads one feature with all that a connection to its server needs.</summary>
    /// <remarks>
    /// Parameters: <c>@id</c>, <c>@apiKeyId</c> and <c>@projectId</c>. The scope is checked for the server, too: an adopted feature can
    /// refer to a server of another owner.
    /// </remarks>
    public static string Find(Scope scope, string table, string columns) => $"""
        select feature.*, server.*
        from (select {columns} from mcp_client.{table} where {scope.Filter} and id = @id) feature
        left join (select {ServerRepository.TargetColumns} from mcp_client.servers where {scope.Filter}) server
            on server.id = feature.server_id
        """;
}
