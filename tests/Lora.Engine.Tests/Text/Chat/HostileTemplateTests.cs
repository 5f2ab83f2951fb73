using System.Diagnostics;

namespace Lora.Tests.Text.Chat;

/// <summary>Templates that ask for time, memory or depth without end, and templates that are damaged.</summary>
public sealed class HostileTemplateTests
{
    private const int Damaged = 4000;

    private static readonly ChatMessage[] Messages = [new("system", "Be nice."), new("user", "Hello, 😀"), new("assistant", "Hi.")];

    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x='aa') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[1, 1]) %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}")]
    [InlineData("{% set ns = namespace() %}{% for a in range(99999) %}{% set ns.x = ns %}{% endfor %}{% for a in range(99999) %}{{ 'x' * 9999 }}{% endfor %}")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{% macro f(n) %}{{ g(n) }}{% endmacro %}{% macro g(n) %}{{ f([n]) }}{% endmacro %}{{ f(1) }}")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for a in ns.x recursive %}{{ loop(ns.x) }}{% endfor %}")]
    [InlineData("{{ 'a' * 99999999999 }}")]
    [InlineData("{{ [1] * 99999999999 }}")]
    [InlineData("{{ [] * 99999999999 + [[1] * 9999999] * 99 }}")]
    [InlineData("{{ ('a' * 9999999) | replace('a', 'b' * 9999999) }}")]
    [InlineData("{{ ('a' * 9999999).replace('', 'b' * 9999999) }}")]
    [InlineData("{{ ('a' * 999999) | list | join('b' * 9999999) }}")]
    [InlineData("{{ ('a\n' * 999999) | indent(999999999) }}")]
    [InlineData("{{ 'a' | center(2000000000) }}")]
    [InlineData("{{ range(999999999) }}")]
    [InlineData("{{ [[1], 2] | batch(2000000000, 0) | list }}")]
    [InlineData("{{ 2 ** 99999999 }}")]
    [InlineData("{{ 9223372036854775807 + 1 }}")]
    [InlineData("{% for a in range(99999) %}{% set x = ('a' * 999999) == ('a' * 999999) %}{% endfor %}")]
    public void A_template_without_end_is_stopped(string text)
    {
        Stopwatch watch = Stopwatch.StartNew();
        LoraException failure = Assert.Throws<LoraException>(() => ChatTemplate.Parse(text).Render(Messages));
        Assert.Equal(LoraError.ChatTemplateFailed, failure.Error);
        Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"it took {watch.Elapsed}");
    }

    [Theory]
    [InlineData("{{ ", "(", "1", ")", " }}")]
    [InlineData("{{ ", "[", "1", "]", " }}")]
    [InlineData("{{ ", "not ", "1", "", " }}")]
    [InlineData("{{ ", "-", "1", "", " }}")]
    [InlineData("{{ ", "1 if 1 else ", "1", "", " }}")]
    [InlineData("", "{% if 1 %}", "1", "{% endif %}", "")]
    [InlineData("{{ ", "1 + ", "1", "", " }}")]
    [InlineData("{{ ", "1 or ", "1", "", " }}")]
    [InlineData("{{ x", ".x", "", "", " }}")]
    [InlineData("{% for ", "(", "a", ")", " in [] %}{% endfor %}")]
    public void Depth_without_end_is_a_failure_and_never_ends_the_process(string before, string open, string middle, string close, string after)
    {
        const int Depth = 200_000;
        string text = before + string.Concat(Enumerable.Repeat(open, Depth)) + middle + string.Concat(Enumerable.Repeat(close, Depth)) + after;
        LoraException? failure = Record.Exception(() => ChatTemplate.Parse(text).Render(Messages)) as LoraException;
        if (failure is not null)
        {
            Assert.True(failure.Error is LoraError.ChatTemplateInvalid or LoraError.ChatTemplateFailed);
        }
    }

    [Fact]
    public void A_rendering_ends_when_it_is_cancelled() => Assert.Throws<OperationCanceledException>(() => ChatTemplate
        .Parse("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
        .Render(Messages, cancellation: new CancellationToken(canceled: true)));

    [Fact]
    public void Damaged_templates_give_a_text_or_a_typed_failure()
    {
        string fixture = File.ReadAllText(Repository.Fixture("chat", "renderings.json"));
        string[] templates = [.. System.Text.Json.JsonDocument.Parse(fixture).RootElement.GetProperty("renderings").EnumerateArray().Select(rendering => rendering.GetProperty("template").GetString()!)];
        string[] pieces = ["{{", "}}", "{%", "%}", "(", ")", "[", "]", "'", "|", ".", "0", "-", "{% endif %}", "none", " is ", "😀", "*", "9", ":", "~", ","];
        Random random = new(7);
        for (int round = 0; round < Damaged; round++)
        {
            string text = templates[random.Next(templates.Length)];
            for (int change = random.Next(1, 5); change > 0; change--)
            {
                int at = random.Next(text.Length);
                int cut = random.Next(Math.Min(6, text.Length - at));
                text = text[..at] + (random.Next(3) == 0 ? "" : pieces[random.Next(pieces.Length)]) + text[(at + cut)..] + " ";
            }

            Exception? failure = Record.Exception(() => ChatTemplate.Parse(text).Render(Messages));
            Assert.True(failure is null or LoraException, $"{failure}\nby: {text}");
        }
    }
}
