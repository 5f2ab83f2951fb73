using Microsoft.Testing.Platform.Extensions.Messages;
using Microsoft.Testing.Platform.Extensions.TestFramework;
using Microsoft.Testing.Platform.Requests;
using Microsoft.Testing.Platform.Services;

namespace Lora.Pester;

/// <summary>Answers dotnet test: each test of a Pester file is a test, reported as soon as its file has been run.</summary>
internal sealed class PesterFramework(IServiceProvider services) : ITestFramework, IDataProducer
{
    public string Uid => nameof(PesterFramework);

    public string Version => "1";

    public string DisplayName => "Pester";

    public string Description => "Runs tests/*.Tests.ps1 in PowerShell.";

    public Type[] DataTypesProduced => [typeof(TestNodeUpdateMessage)];

    public Task<bool> IsEnabledAsync() => Task.FromResult(true);

    public Task<CreateTestSessionResult> CreateTestSessionAsync(CreateTestSessionContext context) =>
        Task.FromResult(new CreateTestSessionResult { IsSuccess = true });

    public Task<CloseTestSessionResult> CloseTestSessionAsync(CloseTestSessionContext context) =>
        Task.FromResult(new CloseTestSessionResult { IsSuccess = true });

    public async Task ExecuteRequestAsync(ExecuteRequestContext context)
    {
        using PesterProcess pester = new(Option(PesterOptions.File), Option(PesterOptions.Test), isListing: context.Request is DiscoverTestExecutionRequest);
        Dictionary<string, int> names = [];
        await foreach (PesterTest test in pester.RunAsync(context.CancellationToken))
        {
            // Cases of one test may share its name.
            string name = $"{test.File}:{test.Name}";
            names[name] = names.GetValueOrDefault(name) + 1;
            TestNode node = test.ToNode($"{name}#{names[name]}", DateTimeOffset.Now);
            await context.MessageBus.PublishAsync(this, new TestNodeUpdateMessage(((TestExecutionRequest)context.Request).Session.SessionUid, node));
        }

        context.Complete();
    }

    private string Option(string name) =>
        services.GetCommandLineOptions().TryGetOptionArgumentList(name, out string[]? arguments) ? arguments[0] : "*";
}
