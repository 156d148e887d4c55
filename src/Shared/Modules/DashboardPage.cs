using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Shared.Modules;

/// <summary>A page that a module adds to the dashboard.</summary>
/// <param name="Name">The page's place in the address, <c>/dashboard/NAME</c>: lower-case letters, digits and <c>-</c>.</param>
/// <param name="Title">Its name in the menu.</param>
/// <param name="Assembly">The assembly that embeds the script.</param>
/// <param name="Resource">The name of the embedded resource: an ES module whose default export draws the page.</param>
public sealed record DashboardPage(string Name, string Title, Assembly Assembly, string Resource);

/// <summary>Registration of dashboard pages.</summary>
public static class DashboardPages
{
    /// <summary>Adds a page to the menu of the dashboard. Nothing happens where the module Dashboard is off.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="name">The page's place in the address: lower-case letters, digits and <c>-</c>.</param>
    /// <param name="title">Its name in the menu.</param>
    /// <param name="module">The module whose assembly embeds the script.</param>
    /// <param name="script">Path of the script in the module's project, e.g. <c>Pages/budgets.js</c>.</param>
    /// <exception cref="InvalidOperationException">The module does not embed the script.</exception>
    public static IServiceCollection AddDashboardPage(
        this IServiceCollection services, string name, string title, IModule module, string script)
    {
        var resource = $"{module.Assembly.GetName().Name}.{script.Replace('/', '.')}";
        return module.Assembly.GetManifestResourceInfo(resource) is null
            ? throw new InvalidOperationException($"{module.Assembly.GetName().Name} does not embed {resource}")
            : services.AddSingleton(new DashboardPage(name, title, module.Assembly, resource));
    }
}
