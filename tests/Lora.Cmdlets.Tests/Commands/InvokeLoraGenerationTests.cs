using System.Management.Automation;

namespace Lora.Commands.Tests.Commands;

public sealed class InvokeLoraGenerationTests : IClassFixture<HostedShell>, IDisposable
{
    private const string Id = ",Lora.Commands.InvokeLoraGenerationCommand";
    private const string Train = "$result = New-LoraConfig -Model $model -TargetModule q_proj, down_proj -Rank 4 | Invoke-LoraTraining -Dataset $train -MaxStep 8 -LearningRate 1e-2 -OutputPath $output/adapter";

    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public InvokeLoraGenerationTests(HostedShell shell) => this.shell = files.Share(shell);

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("'The fox', 'Once upon' | Invoke-LoraGeneration -Model $model -MaxToken 5")]
    [InlineData("Invoke-LoraGeneration 'The fox', 'Once upon' -Model $model -MaxToken 5 -BatchSize 1")]
    [InlineData("Invoke-LoraGeneration -Prompt 'The fox', 'Once upon' -Model $model -MaxToken 5")]
    [InlineData("@{ prompt = 'The fox'; completion = 'x' }, @{ text = 'Once upon' } | Invoke-LoraGeneration -Model $model -MaxToken 5")]
    public void Each_prompt_is_one_answer_however_it_is_given(string script)
    {
        LoraGeneration[] answers = Answers(script);

        Assert.Equal(["The fox", "Once upon"], answers.Select(answer => answer.Prompt));
        Assert.Equal(Answers("'The fox', 'Once upon' | ForEach-Object { $_ | Invoke-LoraGeneration -Model $model -MaxToken 5 }").Select(answer => answer.Text), answers.Select(answer => answer.Text));
        Assert.All(answers, answer => Assert.Equal((5, GenerationStop.MaxToken, null), (answer.Id.Count, answer.StopReason, answer.Adapter)));
    }

    [Fact]
    public void Adapters_answer_each_by_itself_and_beside_the_model_with_Compare()
    {
        LoraGeneration[] apart = Answers($"{Train}; 'Tell me about the fox.' | Invoke-LoraGeneration -Model $model -MaxToken 8; $result | Invoke-LoraGeneration -Prompt 'Tell me about the fox.' -MaxToken 8");
        LoraGeneration[] compared = Answers("$result, (Get-LoraAdapter $output/adapter) | Invoke-LoraGeneration -Prompt 'Tell me about the fox.', 'The owl' -Model $model -MaxToken 8 -Compare");

        Assert.NotEqual(apart[0].Text, apart[1].Text);
        Assert.Equal([null, "adapter", "adapter-2", null, "adapter", "adapter-2"], compared.Select(answer => answer.Adapter));
        Assert.Equal([apart[0].Text, apart[1].Text, apart[1].Text], compared.Take(3).Select(answer => answer.Text));
        Assert.Equal(["The owl"], compared.Skip(3).Select(answer => answer.Prompt).Distinct());
    }

    [Fact]
    public void Tokens_make_up_the_answer_and_nothing_of_them_goes_to_the_host()
    {
        string before = shell.Seen;
        ShellResult result = shell.Run("Invoke-LoraGeneration 'The fox', 'The owl' -Model $model -MaxToken 6 -Stream").Succeeded();
        LoraGenerationToken[] tokens = [.. result.Output.Select(value => (LoraGenerationToken)value.BaseObject)];
        LoraGeneration[] whole = Answers("Invoke-LoraGeneration 'The fox', 'The owl' -Model $model -MaxToken 6");

        Assert.Equal(before, shell.Seen);
        Assert.Equal(12, tokens.Length);
        Assert.All(Enumerable.Range(0, 2), prompt => Assert.Equal(whole[prompt].Text, string.Concat(tokens.Where(token => token.Prompt == prompt).Select(token => token.Text))));
        Assert.Equal(whole[1].Id, tokens.Where(token => token.Prompt == 1).Select(token => token.Id));
    }

    [Fact]
    public void A_text_is_raw_and_with_Chat_a_message_and_a_row_is_asked_for_its_last_answer()
    {
        LoraGeneration[] answers = Answers("""
            Invoke-LoraGeneration 'Where?' -Model $model -MaxToken 3 -ChatTemplate chatml
            @{ messages = @{ role = 'user'; content = 'Where?' }, @{ role = 'assistant'; content = 'There.' } } | Invoke-LoraGeneration -Model $model -MaxToken 3 -ChatTemplate chatml
            @{ question = 'Where?'; answer = 'There.' } | Invoke-LoraGeneration -Model $model -MaxToken 3 -ChatTemplate chatml
            "<|im_start|>user`nWhere?<|im_end|>`n<|im_start|>assistant`n" | Invoke-LoraGeneration -Model $model -MaxToken 3
            Invoke-LoraGeneration 'Where?' -Model $model -MaxToken 3 -ChatTemplate chatml -System 'Be brief.'
            Invoke-LoraGeneration 'Where?' -Model $model -MaxToken 3
            """);

        Assert.Single(answers.Take(3).Select(answer => (answer.Text, answer.PromptToken)).Distinct());
        Assert.Equal(answers[0].PromptToken + 1, answers[3].PromptToken); // raw text has a begin token, and a template writes its own
        Assert.True(answers[4].PromptToken > answers[0].PromptToken && answers[5].PromptToken < answers[0].PromptToken);
    }

    [Fact]
    public void An_adapter_that_was_trained_on_conversations_is_asked_as_it_was_trained_or_a_warning_says_so()
    {
        files.Write("chats.jsonl", """{"messages":[{"role":"user","content":"Where?"},{"role":"assistant","content":"There."}]}""");
        ShellResult result = shell.Run("""
            $chat = New-LoraConfig -Model $model -TargetModule q_proj -Rank 2 | Invoke-LoraTraining -Dataset $output/chats.jsonl -ChatTemplate alpaca -MaxStep 1
            $chat | Invoke-LoraGeneration -Prompt 'Where?' -Chat -MaxToken 2
            $chat | Invoke-LoraGeneration -Prompt 'Where?' -MaxToken 2
            """).Succeeded();

        Assert.Contains("-Chat", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void One_seed_gives_one_answer_and_stop_texts_end_it()
    {
        LoraGeneration[] answers = Answers("""
            1, 1, 3 | ForEach-Object { Invoke-LoraGeneration 'The fox' -Model $model -MaxToken 12 -Temperature 2 -TopK 50 -TopP 0.95 -MinP 0.001 -RepetitionPenalty 1.1 -Seed $_ }
            Invoke-LoraGeneration 'The fox' -Model $model -MaxToken 40 -Stop '.'
            """);

        Assert.Equal(answers[0].Text, answers[1].Text);
        Assert.NotEqual(answers[0].Text, answers[2].Text);
        Assert.Equal(GenerationStop.StopText, answers[3].StopReason);
        Assert.DoesNotContain(".", answers[3].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Invoke-LoraGeneration -Model $model", "LoraPromptNotGiven")]
    [InlineData("'x' | Invoke-LoraGeneration", "LoraModelNotKnown")]
    [InlineData("'x' | Invoke-LoraGeneration -Model $model -Compare", "LoraConfigConflict")]
    [InlineData("'x' | Invoke-LoraGeneration -Model $model -Stream -BatchSize 2", "LoraConfigConflict")]
    [InlineData("'x' | Invoke-LoraGeneration -Model $model -Temperature 0 -TopK 3", "LoraConfigConflict")]
    [InlineData("'x' | Invoke-LoraGeneration -Model $model -Chat", "LoraChatTemplateMissing")]
    [InlineData("'x' | Invoke-LoraGeneration -Model $output/none", "LoraPathNotFound")]
    [InlineData("'x' | Invoke-LoraGeneration -Model $model -ChatTemplate $output/none", "LoraChatTemplateUnknown")]
    public void What_cannot_be_ends_the_command(string script, string id)
    {
        ShellResult result = shell.Run(script);

        Assert.Equal([id + Id], result.ErrorIds);
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("5, 'The fox'", "LoraNotAPrompt")]
    [InlineData("@{ a = 1 }, 'The fox'", "LoraRowInvalid")]
    [InlineData("@{ messages = @() }, 'The fox'", "LoraRowInvalid")]
    [InlineData("(New-LoraConfig -Rank 2 -TargetModule q_proj), 'The fox'", "LoraPromptNotGiven")]
    [InlineData("('x ' * 600), 'The fox'", "LoraConfigValueInvalid")]
    public void A_prompt_that_is_none_is_an_error_of_its_own(string prompts, string id)
    {
        ShellResult result = shell.Run($"{prompts} | Invoke-LoraGeneration -Model $model -MaxToken 2");

        Assert.Equal([id + Id], result.ErrorIds);
        Assert.Equal("The fox", ((LoraGeneration)Assert.Single(result.Output).BaseObject).Prompt);
    }

    [Fact]
    public void An_error_counts_the_prompts_as_they_came()
    {
        ShellResult result = shell.Run("@{ a = 1 }, 'The fox', 5, @{ b = 1 } | Invoke-LoraGeneration -Model $model -MaxToken 1");

        Assert.Contains("row 1:", result.Errors[0].Exception.Message, StringComparison.Ordinal);
        Assert.Contains("row 4:", result.Errors[2].Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_that_is_none_is_not_taken_for_the_model_alone()
    {
        ShellResult result = shell.Run("Invoke-LoraGeneration 'The fox' -Adapter $output/none -Model $model; @() | Invoke-LoraGeneration -Prompt 'x' -Model $model");

        Assert.Equal(["LoraPathNotFound" + Id], result.ErrorIds);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void Ctrl_C_ends_it_soon()
    {
        using ManualResetEvent begun = new(initialState: false);
        shell.With("begun", begun);
        const string Endless = "1..10000 | ForEach-Object { 'The fox' } | Invoke-LoraGeneration -Model $model -MaxToken 20 -BatchSize 2";

        ShellResult stopped = shell.RunAndStop(Endless + " | ForEach-Object { [void]$begun.Set(); $_ }", begun);

        Assert.Equal(PSInvocationState.Stopped, stopped.State);
        Assert.InRange(stopped.Output.Count, 1, 9999);
    }

    [Fact]
    public void The_model_is_loaded_once_for_a_pipeline()
    {
        ShellResult result = shell.Run("1..5 | ForEach-Object { \"The fox $_\" } | Invoke-LoraGeneration -Model $model -MaxToken 2 -BatchSize 2 -Verbose 4>&1").Succeeded();

        Assert.Single(result.Output.Select(value => value.BaseObject).OfType<VerboseRecord>(), record => record.Message.StartsWith("Loading the weights", StringComparison.Ordinal));
        Assert.Equal(5, result.Output.Select(value => value.BaseObject).OfType<LoraGeneration>().Count());
        Assert.Contains(result.Progress, record => record.StatusDescription.Contains("prompt 4 of 5", StringComparison.Ordinal) || record.StatusDescription.Contains("prompt 5 of 5", StringComparison.Ordinal));
    }

    [Fact]
    public void Answers_are_shown_as_a_list_and_side_by_side_under_their_prompt()
    {
        Assert.Matches(@"Prompt +: The fox\nText +: .+\nStopReason +: MaxToken\nTokenPerSecond : \d", shell.Show("Invoke-LoraGeneration 'The fox' -Model $model -MaxToken 3"));
        Assert.Matches(@"Prompt: The fox\n\nAdapter +Text\n.+\n\(base\) +.+\nadapter +.+", shell.Show($"{Train}; $result | Invoke-LoraGeneration -Prompt 'The fox' -MaxToken 3 -Compare"));
    }

    private LoraGeneration[] Answers(string script) => [.. shell.Run(script).Succeeded().Output.Select(value => (LoraGeneration)value.BaseObject)];
}
