using Lora.Commands.Tests.Commands;

namespace Lora.Commands.Tests.Binding;

/// <summary>Whatever names validation rows: paths and files are one set, a table has a set for each name.</summary>
public sealed class ValidationArgumentTests : IClassFixture<HostedShell>, IDisposable
{
    private const string Train = "$config = New-LoraConfig q_proj -Model $model -Rank 2; $r = Invoke-LoraTraining $config -Dataset $train -MaxStep 1 -ValidationDataset ";
    private const string Show = "; $r.Evaluation | ForEach-Object { \"$($_.Name) $($_.Step)\" }";

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public ValidationArgumentTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("$validation", "animal-notes.validation.jsonl")]
    [InlineData("([System.IO.FileInfo]$validation)", "animal-notes.validation.jsonl")]
    [InlineData("$validation, ([System.IO.FileInfo]$train)", "animal-notes.validation.jsonl + animal-notes.train.jsonl")]
    [InlineData("@{ task = $validation; general = $train }", "general", "task")]
    [InlineData("([ordered]@{ task = $validation; general = $train, $validation })", "task", "general")]
    [InlineData("([pscustomobject]@{ task = [System.IO.FileInfo]$validation; general = $train })", "task", "general")]
    public void Sets_have_names_and_an_order(string given, params string[] names) => Assert.Equal(
        [.. names.Select(name => $"{name} 0"), .. names.Select(name => $"{name} 1")],
        shell.Run($"{Train}{given}{Show}").Succeeded().Texts.Order(Comparer<string>.Create((one, other) => one[^1] - other[^1])));

    [Theory]
    [InlineData("42", 1)]
    [InlineData("@{ a = 42; b = $null; c = $validation }", 2)]
    [InlineData("@{ '' = $validation }", 1)]
    [InlineData("@()", 1)]
    [InlineData("$null", 1)]
    public void What_names_no_file_is_refused_all_together(string given, int count)
    {
        LoraException exception = Assert.IsType<LoraException>(Assert.Single(shell.Run($"{Train}{given}").Errors).Exception);

        Assert.Equal(Enumerable.Repeat(LoraError.ConfigValueInvalid, count), exception.Problems.Select(problem => problem.Error));
    }
}
