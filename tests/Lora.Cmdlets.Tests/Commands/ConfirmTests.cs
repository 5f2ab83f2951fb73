namespace Lora.Commands.Tests.Commands;

/// <summary>-Confirm of the cmdlets that write: it asks, and No leaves everything as it is.</summary>
public sealed class ConfirmTests : IClassFixture<HostedShell>, IDisposable
{
    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public ConfirmTests(HostedShell shell)
    {
        this.shell = files.Share(shell);
        shell.Run("$c = New-LoraConfig q_proj -Model $model -Rank 2; $r = Invoke-LoraTraining $c -Dataset $train -MaxStep 1").Succeeded();
    }

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("Invoke-LoraTraining $c -Dataset $train -MaxStep 1 -OutputPath $output/written", "Train rank 2, alpha 32, q_proj")]
    [InlineData("$r | Export-LoraAdapter $output/written", "Export adapter")]
    [InlineData("$r | Export-LoraModel $output/written", "with the adapter added")]
    public void It_asks_and_does_what_is_answered(string script, string action)
    {
        string asked = shell.Show($"{script} -Confirm", answer: "No");
        Assert.Contains(action, asked, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(files.Output));

        shell.Show($"{script} -Confirm", answer: "Yes");
        Assert.NotEmpty(Directory.GetFiles(files.File("written"), "*.safetensors"));
    }

    [Fact]
    public void Without_it_nothing_is_asked_unless_ConfirmPreference_says_so()
    {
        shell.Show("$r | Export-LoraAdapter $output/first");
        string asked = shell.Show("& { $ConfirmPreference = 'Medium'; $r | Export-LoraAdapter $output/second; $r | Export-LoraAdapter $output/third -Confirm:$false }", answer: "No");

        Assert.Contains("Export adapter", asked, StringComparison.Ordinal);
        Assert.Equal(["first", "third"], Directory.GetDirectories(files.Output).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }
}
