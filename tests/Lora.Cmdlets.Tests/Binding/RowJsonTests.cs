using System.Text;
using System.Text.Json;

namespace Lora.Commands.Tests.Binding;

public sealed class RowJsonTests(HostedShell shell) : IClassFixture<HostedShell>
{
    [Theory]
    [InlineData("[pscustomobject]@{ text = 'é\"'; n = 5; x = 0.1; d = 1.50d; yes = $true; no = $null; list = 1, 'a'; one = @('b'); none = @() }",
        """{"text":"é\u0022","n":5,"x":0.1,"d":1.50,"yes":true,"no":null,"list":[1,"a"],"one":["b"],"none":[]}""")]
    [InlineData("[ordered]@{ messages = @{ role = 'user'; content = 'a' }, [pscustomobject]@{ role = 'assistant'; content = 'b' } }",
        """{"messages":[{"content":"a","role":"user"},{"role":"assistant","content":"b"}]}""")]
    [InlineData("@{ b = 1; a = 2; C = 3 }", """{"C":3,"a":2,"b":1}""")]
    [InlineData("$t = [System.Data.DataTable]::new(); 'text', 'n' | ForEach-Object { [void] $t.Columns.Add($_) }; [void] $t.Rows.Add('a', [DBNull]::Value); $t.Rows[0]",
        """{"text":"a","n":null}""")]
    [InlineData("@{ day = [datetime]::new(2026, 11, 28); nan = [double]::NaN; kind = [System.DayOfWeek]::Monday; on = [switch] $true }",
        """{"day":"2026-11-28T00:00:00.0000000","kind":"Monday","nan":null,"on":true}""")]
    [InlineData("@{ a = [Half]::NaN; b = [Half]::NegativeInfinity; c = [Half] 1.5; d = [single]::NaN }", """{"a":null,"b":null,"c":1.5,"d":null}""")]
    public void A_row_is_the_JSON_that_it_would_be_in_a_file(string script, string json) => Assert.Equal(json, Written(script));

    [Theory]
    [InlineData("42", "it is a System.Int32, which has no columns")]
    [InlineData("'text'", "it is a System.String, which has no columns")]
    [InlineData("@{ text = { 1 } }", "\"text\" holds a System.Management.Automation.ScriptBlock")]
    [InlineData("$a = @{}; $a.self = $a; $a", "\"self\" holds itself")]
    public void What_is_no_row_is_refused_by_what_it_is(string script, string cause) =>
        Assert.Contains(cause, Assert.Throws<FormatException>(() => Written(script)).Message, StringComparison.Ordinal);

    private string Written(string script)
    {
        object? given = Argument.Plain(shell.Run(script).Succeeded().Output.Single());
        using MemoryStream json = new();
        using (Utf8JsonWriter writer = new(json, new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.Create(System.Text.Unicode.UnicodeRanges.All) }))
        {
            RowJson.Write(given, writer);
        }

        return Encoding.UTF8.GetString(json.ToArray());
    }
}
