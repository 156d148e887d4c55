using Dapper;
using Npgsql;

namespace LlmRing.Modules.Registry.Storage;

/// <summary>The right to refresh the copies; disposing of the lease gives the right back.</summary>
internal sealed class RegistryLease(NpgsqlDataSource database, Guid holder) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        try
        {
            await using var connection = await database.OpenConnectionAsync();
            await connection.ExecuteAsync("delete from registry_lease where holder = @holder", new { holder });
        }
        catch (NpgsqlException)
        {
            // The lease expires without the database's help; the refresh that it protected is not to fail for it.
        }
    }
}
