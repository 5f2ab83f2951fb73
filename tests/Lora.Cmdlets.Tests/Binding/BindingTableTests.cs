namespace Lora.Commands.Tests.Binding;

/// <summary>Every kind of object, piped and as an argument, into every cmdlet: it works, or the error says by its id what is wrong.</summary>
// What is in the cache is said by a variable of the process, which one class at a time may set.
[Collection(nameof(GivenObjects))]
public sealed class BindingTableTests(GivenObjects objects) : IClassFixture<GivenObjects>
{
    [Theory]
    [MemberData(nameof(BindingTable.Cells), MemberType = typeof(BindingTable))]
    public void Each_kind_of_object_is_taken_or_refused_by_name(string command, string kind, string error)
    {
        ShellResult result = objects.Shell.Run($"$x = $given['{kind}']; {command}");

        Assert.Equal(error.Length == 0 ? [] : [error], result.ErrorIds.Select(id => id.Split(',')[0]));
        Assert.All(result.ErrorIds, id => Assert.Matches("^Lora[A-Za-z]+,Lora.Commands.[A-Za-z]+Command$", id));
        Assert.Equal(error.Length == 0 && !command.Contains("-WhatIf", StringComparison.Ordinal), result.Output.Count > 0);
    }
}
