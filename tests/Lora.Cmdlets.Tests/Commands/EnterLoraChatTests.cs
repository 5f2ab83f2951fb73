namespace Lora.Commands.Tests.Commands;

public sealed class EnterLoraChatTests : IClassFixture<HostedShell>, IDisposable
{
    private const string Chat = "Enter-LoraChat -Model $model -ChatTemplate chatml -MaxToken 6";

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public EnterLoraChatTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Fact]
    public void A_question_is_answered_as_Invoke_LoraGeneration_does_and_what_was_said_is_part_of_the_next()
    {
        string[] expected = Texts("""
            $first = @(@{ role = 'user'; content = 'Where is the fox?' })
            $answer = @{ messages = $first } | Invoke-LoraGeneration -Model $model -ChatTemplate chatml -MaxToken 6
            $answer.Text
            (@{ messages = $first + @{ role = 'assistant'; content = $answer.Text } + @{ role = 'user'; content = 'Why?' } } | Invoke-LoraGeneration -Model $model -ChatTemplate chatml -MaxToken 6).Text
            """);

        string seen = shell.Type(Chat, "Where is the fox?", "Why?", "/exit", "never asked");

        Assert.Equal($">>> Where is the fox?\n{expected[0]}\n>>> Why?\n{expected[1]}\n>>> /exit", seen[seen.IndexOf(">>>", StringComparison.Ordinal)..]);
    }

    [Fact]
    public void What_was_said_is_forgotten_with_reset_and_the_system_message_changes()
    {
        string[] expected = Texts("""
            (@{ question = 'Why?' } | Invoke-LoraGeneration -Model $model -ChatTemplate chatml -MaxToken 6).Text
            (@{ question = 'Why?' } | Invoke-LoraGeneration -Model $model -ChatTemplate chatml -MaxToken 6 -System 'The owl is a bird').Text
            """);

        string[] seen = shell.Type(Chat, "Where is the fox?", "/reset", "Why?", "/SYSTEM The owl is a bird", "/reset", "Why?", "/system", "/reset", "Why?").Split('\n');

        Assert.Equal([expected[0], expected[1], expected[0]], After(seen, ">>> Why?"));
        Assert.Contains("There is no system message.", seen);
    }

    [Fact]
    public void The_same_question_is_asked_without_and_with_each_adapter_and_one_is_chosen()
    {
        string[] expected = Texts("""
            $result = New-LoraConfig -Model $model -TargetModule q_proj, down_proj -Rank 4 | Invoke-LoraTraining -Dataset $train -MaxStep 8 -LearningRate 1e-2 -OutputPath $output/tuned
            Invoke-LoraGeneration 'The fox?' -Adapter $result -ChatTemplate chatml -MaxToken 6 -Compare | ForEach-Object Text
            """);

        string seen = shell.Type("Get-LoraAdapter $output/tuned | Enter-LoraChat -Model $model -ChatTemplate chatml -MaxToken 6", "The fox?", "/adapter", "/adapter none", "/reset", "The fox?", "/adapter TUNED", "/adapter other");
        string[] lines = seen.Split('\n');

        Assert.NotEqual(expected[0], expected[1]);
        Assert.Equal([expected[1], expected[0]], After(lines, ">>> The fox?")); // the adapter first, then who was chosen
        Assert.Equal((expected[0], expected[1]), (After(lines, "[none]").Single(), After(lines, "[tuned]").Single()));
        Assert.Contains("The adapter 'tuned' answers.", lines);
        Assert.Contains("There is no adapter 'other', but tuned, none.", lines);
    }

    [Fact]
    public void Help_lists_the_commands_and_what_is_none_is_said_and_not_asked()
    {
        string seen = shell.Type(Chat, "/help", "/halp me", "/adapter", "   ");

        Assert.Contains("/adapter NAME", seen, StringComparison.Ordinal);
        Assert.Contains("'/halp' is not known", seen, StringComparison.Ordinal);
        Assert.Contains("Nothing was asked yet.", seen, StringComparison.Ordinal);
    }

    [Fact]
    public void What_follows_exit_on_its_line_does_not_keep_the_chat_open() =>
        Assert.EndsWith(">>> /Exit now", shell.Type(Chat, "/Exit now", "/help"), StringComparison.Ordinal);

    [Fact]
    public void A_question_that_is_refused_is_an_error_and_the_chat_goes_on_without_it()
    {
        string[] expected = Texts("(@{ question = 'Why?' } | Invoke-LoraGeneration -Model $model -ChatTemplate chatml -MaxToken 6).Text");

        string seen = shell.Type($"{Chat} -ErrorAction SilentlyContinue -ErrorVariable failures; $failures.FullyQualifiedErrorId", string.Join(' ', Enumerable.Repeat("x", 600)), "Why?");

        Assert.EndsWith("LoraConfigValueInvalid,Lora.Commands.EnterLoraChatCommand", seen, StringComparison.Ordinal);
        Assert.Equal(expected, After(seen.Split('\n'), ">>> Why?"));
    }

    [Theory]
    [InlineData("Enter-LoraChat -Model $model", "LoraChatTemplateMissing")]
    [InlineData("Enter-LoraChat", "LoraModelNotKnown")]
    [InlineData("Enter-LoraChat $output/none -Model $model", "LoraPathNotFound")]
    [InlineData(Chat, "LoraChatNotInteractive")]
    public void What_cannot_be_is_refused_before_anything_is_loaded(string script, string id)
    {
        ShellResult result = shell.Run(script);

        Assert.Equal([$"{id},Lora.Commands.EnterLoraChatCommand"], result.ErrorIds);
    }

    private static string[] After(string[] lines, string line) =>
        [.. Enumerable.Range(0, lines.Length - 1).Where(index => lines[index] == line).Select(index => lines[index + 1])];

    private string[] Texts(string script) => [.. shell.Run(script).Succeeded().Texts];
}
